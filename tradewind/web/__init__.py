"""What every HTTP server of Tradewind decides alike: how a body is framed, what a refusal says, who only asks."""
