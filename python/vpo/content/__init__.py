"""What files hold: digest algorithms, digests, and the queue of files that the engine reads."""
