"""The doors: WebRTC, WHIP/WHEP, websocket and files. The only place that knows av, aiortc and websockets."""
