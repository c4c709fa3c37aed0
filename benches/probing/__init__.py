"""How far the engine's probing agrees with ffprobe and exiftool: see ../agreement.py."""
