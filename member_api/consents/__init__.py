"""What a member allows: channel by purpose, with the wording, the moment, the place and the proof."""
