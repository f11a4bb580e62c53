"""How neurons change: one file a model, each with one scalar step; the loop around it is made once."""
