"""`muster up`: everything on one machine, watched over."""
