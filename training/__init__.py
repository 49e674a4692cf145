"""Makes the bundled model: data, vocabulary, vectors, training, calibration, export, evaluation."""
