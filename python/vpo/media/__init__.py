"""What is in media files, and the programs that tell it or change it."""
