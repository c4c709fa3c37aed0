"""What is in media files, and the programs that read or change them."""
