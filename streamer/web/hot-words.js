// A list of words as a person types it: one a line, or with commas. Pure.

const MOST = 200;
const LONGEST = 60;

export function hotWords(text) {
  const words = text.split(/[\n,;]/).map((word) => word.trim().replace(/\s+/g, " ")).filter(Boolean);
  return [...new Set(words)].slice(0, MOST).map((word) => word.slice(0, LONGEST));
}
