// Says numbers in words.

const LIKELY = [
  [0.95, "almost certain"],
  [0.8, "very likely"],
  [0.6, "likely"],
  [0.4, "even odds"],
  [0.2, "unlikely"],
  [0, "very unlikely"],
];

export const likely = (probability) => LIKELY.find(([from]) => probability >= from)[1];

// never 1.00 or 0.00: nothing is certain here
export function digits(probability) {
  if (probability >= 0.995) return ">0.99";
  return probability < 0.005 ? "<0.01" : probability.toFixed(2);
}

export const count = (number, one, many = `${one}s`) =>
  `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

export const cosine = (score) => (score < 0 ? "−" : "") + Math.abs(score).toFixed(3);

// 0.05 is "5 in 100", 0.001 "1 in 1,000"
export function inAHundred(rate) {
  const of = rate > 0 && rate < 0.01 ? 1000 : 100;
  return `${Math.round(rate * of)} in ${of.toLocaleString("en")}`;
}
