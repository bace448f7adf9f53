"""Speech to text: a recogniser network, and the search that turns its posteriors into written words."""
