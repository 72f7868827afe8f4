"""From songs to a trained model."""
