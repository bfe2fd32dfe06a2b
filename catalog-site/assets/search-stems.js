// The stem of an English word (Porter, 1980), the same as builder/search/stems.py gives.

const CONSONANTS = "[^aeiouy]+";
const VOWELS = "[aeiou]+";
const SOME = new RegExp(`^(${CONSONANTS})?${VOWELS}${CONSONANTS}`);
const ONE = new RegExp(`^(${CONSONANTS})?${VOWELS}${CONSONANTS}(${VOWELS})?$`);
const MANY = new RegExp(`^(${CONSONANTS})?${VOWELS}${CONSONANTS}${VOWELS}${CONSONANTS}`);
const VOWEL = new RegExp(`^(${CONSONANTS})?[aeiouy]`);
const SHORT = new RegExp(`^${CONSONANTS}[aeiouy][^aeiouwxy]$`);
const DOUBLED = /([^aeiouylsz])\1$/u;

const SECOND = new Map(Object.entries({
  ational: "ate", tional: "tion", enci: "ence", anci: "ance", izer: "ize", bli: "ble", alli: "al",
  entli: "ent", eli: "e", ousli: "ous", ization: "ize", ation: "ate", ator: "ate", alism: "al",
  iveness: "ive", fulness: "ful", ousness: "ous", aliti: "al", iviti: "ive", biliti: "ble", logi: "log",
}));
const THIRD = new Map(Object.entries({
  icate: "ic", ative: "", alize: "al", iciti: "ic", ical: "ic", ful: "", ness: "",
}));
const SECOND_END = new RegExp(`^(.+?)(${[...SECOND.keys()].join("|")})$`, "u");
const THIRD_END = new RegExp(`^(.+?)(${[...THIRD.keys()].join("|")})$`, "u");
const FOURTH_END = /^(.+?)(al|ance|ence|er|ic|able|ible|ant|ement|ment|ent|ou|ism|ate|iti|ous|ive|ize)$/u;
const ION_END = /^(.+?[st])ion$/u;

function withoutPlural(word) {
  if (word.endsWith("sses") || word.endsWith("ies")) {
    return word.slice(0, -2);
  }
  return word.endsWith("s") && word.at(-2) !== "s" ? word.slice(0, -1) : word;
}

function withoutEnding(word) {
  if (word.endsWith("eed")) {
    return SOME.test(word.slice(0, -3)) ? word.slice(0, -1) : word;
  }
  const start = /^(.*)(ed|ing)$/u.exec(word)?.[1];
  if (start === undefined || !VOWEL.test(start)) {
    return word;
  }
  if (/(at|bl|iz)$/u.test(start)) {
    return `${start}e`;
  }
  if (DOUBLED.test(start)) {
    return start.slice(0, -1);
  }
  return SHORT.test(start) ? `${start}e` : start;
}

function replaced(word, end, table) {
  const [, start, suffix] = end.exec(word) ?? [];
  return start !== undefined && SOME.test(start) ? start + table.get(suffix) : word;
}

function withoutSuffix(word) {
  const suffix = FOURTH_END.exec(word);
  if (suffix) {
    return MANY.test(suffix[1]) ? suffix[1] : word;
  }
  const ion = ION_END.exec(word);
  return ion && MANY.test(ion[1]) ? ion[1] : word;
}

function withoutE(word) {
  const start = /^(.+?)e$/u.exec(word)?.[1];
  return start !== undefined && (MANY.test(start) || (ONE.test(start) && !SHORT.test(start))) ? start : word;
}

function porter(word) {
  let found = withoutEnding(withoutPlural(word));
  if (found.endsWith("y") && VOWEL.test(found.slice(0, -1))) {
    found = `${found.slice(0, -1)}i`;
  }
  found = replaced(replaced(found, SECOND_END, SECOND), THIRD_END, THIRD);
  found = withoutE(withoutSuffix(found));
  return found.endsWith("ll") && MANY.test(found) ? found.slice(0, -1) : found;
}

export function stem(word) {
  if (word.length < 3) {
    return word;
  }
  // A y at the beginning is a consonant; as a capital no rule takes it for anything else.
  return word.startsWith("y") ? `y${porter(`Y${word.slice(1)}`).slice(1)}` : porter(word);
}
