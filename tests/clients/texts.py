"""What the clients' tests rank."""

QUERY = "Why is the sky blue?"
DOCUMENTS = [
    "Yeast gives off gas that makes the dough rise.",
    "Air scatters blue light most, so the sky is blue.",
    "The sea takes its colour from the sky above it.",
]
BEST = [1, 2, 0]  # of DOCUMENTS for QUERY
LONG = "word " * 3000
