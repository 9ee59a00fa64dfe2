"""The dead-letter room: what nobody could take is kept, shown, edited, sent again or dropped."""
