"""What says how much power this machine draws and how warm it is."""
