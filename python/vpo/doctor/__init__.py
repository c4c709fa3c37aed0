"""The doctor: checks of the installation, the settings and the catalogue, with advice."""
