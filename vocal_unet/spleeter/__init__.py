"""What belongs to Deezer's Spleeter: its checkpoints, its configurations, its downloads."""
