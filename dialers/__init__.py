"""What a good guest of a dialer needs: account notes, connection slots, and the meaning of its messages."""
