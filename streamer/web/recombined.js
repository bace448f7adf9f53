// Draws a video onto a canvas, with transparency where `halves` says that its right half holds it. WebGL, one triangle
// pair a picture. Knows no session.

const VERTEX = `attribute vec2 at; varying vec2 place;
void main() { place = vec2(at.x * 0.5 + 0.5, 0.5 - at.y * 0.5); gl_Position = vec4(at, 0.0, 1.0); }`;

// The colour is already multiplied by how opaque it is. Half a pixel is kept from the seam, or the halves would mix.
const FRAGMENT = `precision mediump float; uniform sampler2D picture; uniform float halves; uniform float margin; varying vec2 place;
void main() {
  if (halves < 0.5) { gl_FragColor = vec4(texture2D(picture, place).rgb, 1.0); return; }
  float across = place.x * 0.5;
  vec3 colour = texture2D(picture, vec2(min(across, 0.5 - margin), place.y)).rgb;
  float opaque = smoothstep(0.03, 0.97, texture2D(picture, vec2(max(0.5 + across, 0.5 + margin), place.y)).g);
  gl_FragColor = vec4(min(colour, vec3(opaque)), opaque);
}`;

export class Recombined {
  halves = false;
  #canvas; #video; #gl; #places = {};

  constructor(canvas, video) {
    this.#canvas = canvas;
    this.#video = video;
    // The buffer is kept so that what is shown can be read.
    this.#gl = canvas.getContext("webgl", { alpha: true, premultipliedAlpha: true, preserveDrawingBuffer: true });
    this.#build();
    const next = () => { this.#draw(); this.#wait(next); };
    this.#wait(next);
  }

  clear() {
    this.#gl.clear(this.#gl.COLOR_BUFFER_BIT);
  }

  #wait(next) {
    if ("requestVideoFrameCallback" in this.#video) this.#video.requestVideoFrameCallback(next);
    else requestAnimationFrame(next);
  }

  #build() {
    const gl = this.#gl;
    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    gl.useProgram(program);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(gl.getAttribLocation(program, "at"), 2, gl.FLOAT, false, 0, 0);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    this.#places = { halves: gl.getUniformLocation(program, "halves"), margin: gl.getUniformLocation(program, "margin") };
  }

  #draw() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (!width) return;
    const [gl, wide] = [this.#gl, this.halves ? width / 2 : width];
    if (this.#canvas.width !== wide || this.#canvas.height !== height) Object.assign(this.#canvas, { width: wide, height });
    gl.viewport(0, 0, wide, height);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, this.#video);
    gl.uniform1f(this.#places.halves, this.halves ? 1 : 0);
    gl.uniform1f(this.#places.margin, 1 / width);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }
}
