// A perceptual colormap: lightness rises evenly from the page's night to limelight, so that equal steps in dB look
// equal. Built in OKLCH (Ottosson 2020, https://bottosson.github.io/posts/oklab/). Pure.

// position, lightness, chroma, hue in degrees
const STOPS = [
  [0.0, 0.16, 0.012, 130],
  [0.25, 0.34, 0.09, 265],
  [0.5, 0.53, 0.11, 215],
  [0.75, 0.73, 0.17, 145],
  [1.0, 0.97, 0.15, 112],
];

function oklchToRgb(lightness, chroma, hueDegrees) {
  const a = chroma * Math.cos((hueDegrees * Math.PI) / 180);
  const b = chroma * Math.sin((hueDegrees * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((x) => Math.round(255 * gamma(Math.min(1, Math.max(0, x)))));
}

function gamma(x) {
  return x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055;
}

function at(position) {
  const upper = Math.max(1, STOPS.findIndex(([stop]) => stop >= position));
  const [from, to] = [STOPS[upper - 1], STOPS[upper]];
  const share = (position - from[0]) / (to[0] - from[0]);
  return oklchToRgb(...[1, 2, 3].map((i) => from[i] + share * (to[i] - from[i])));
}

/** 256 colours as little-endian RGBA words, ready for an ImageData's Uint32 view. */
export function limelightMap() {
  const table = new Uint32Array(256);
  for (let i = 0; i < 256; i += 1) {
    const [r, g, b] = at(i / 255);
    table[i] = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  }
  return table;
}
