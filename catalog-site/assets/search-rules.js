// The rules of ranking, as the server's (builder/search/): the same questions get the same answers.
// Numbers and lists of words come with the index. Nothing here loads anything.

import { stem } from "./search-stems.js";

const CAMEL = /(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/gu;
const WORD = /[\p{L}\p{N}]+/gu;

export function fold(text) {
  // Capitals and back: some letters are two when they are capitals, as in Python's casefold.
  const plain = (part) => part.normalize("NFKD").toUpperCase().toLowerCase().replaceAll("ς", "σ");
  return plain(plain(text)).normalize("NFKD").replace(/\p{M}/gu, "").normalize("NFC");
}

function cut(text, length) {
  return text.length > length ? [...text].slice(0, length).join("") : text;
}

export class Language {
  constructor(rules) {
    this.rules = rules;
    this.stopWords = new Set(rules.stopWords);
    this.questionWords = new Set(rules.questionWords);
  }

  words(text) {
    return (fold(text).match(WORD) ?? []).map((word) => cut(word, this.rules.wordLength));
  }

  nameParts(name) {
    return this.words(name.replace(CAMEL, " "));
  }

  wholeName(found) {
    const telling = found.filter((word) => !this.stopWords.has(word));
    return cut((telling.length ? telling : found).join(""), this.rules.wholeLength);
  }

  telling(found, hasMore) {
    const telling = found.filter((word) => !this.questionWords.has(word));
    return telling.length || hasMore ? telling : found;
  }

  // Words are wanted, "quoted words" too, and -word is not; all else is no syntax.
  parse(question) {
    const text = cut(question, this.rules.queryCharacters);
    const most = this.rules.queryWords;
    const wanted = [];
    const excluded = [];
    const phrases = [];
    for (const [, quotedMinus, quoted, minus, plain] of text.matchAll(/(-?)"([^"]*)"?|(-?)([^\s"]+)/gu)) {
      if (plain !== undefined) {
        (minus ? excluded : wanted).push(...this.words(plain));
        continue;
      }
      const phrase = this.words(quoted);
      if (quotedMinus) {
        excluded.push(...phrase);
      } else if (phrase.length > 1) {
        phrases.push(phrase.slice(0, most));
      } else {
        wanted.push(...phrase);
      }
    }
    const unique = [...new Set(wanted)].slice(0, most);
    const lastPiece = text.split(/\s+/u).at(-1);
    let last = unique.at(-1);
    const isOpen = last !== undefined && /[\p{L}\p{N}]$/u.test(text) && !lastPiece.includes('"')
      && this.words(lastPiece).at(-1) === last;
    if (!isOpen || (this.questionWords.has(last) && unique.length > 1)) {
      last = null;
    }
    const rest = unique.filter((word) => word !== last);
    const shortPhrases = phrases.slice(0, this.rules.phrases);
    const words = this.telling(rest, Boolean(last || shortPhrases.length));
    const inPhrases = shortPhrases.flat().filter((word) => !this.questionWords.has(word));
    return {
      wanted: [...new Set([...words, ...inPhrases, ...(last ? [last] : [])])],
      unfinished: last,
      excluded: [...new Set(excluded)].slice(0, most),
      whole: this.wholeName(this.words(text)),
      isEmpty: !words.length && !last && !shortPhrases.length,
    };
  }

  // The steps whose names have most of the words, the best first.
  bestSteps(steps, parsed) {
    const wanted = new Set(parsed.wanted.map(stem));
    const matched = ([name, title]) => {
      const own = new Set([...this.nameParts(name), ...this.words(title)]);
      const stems = new Set([...own].map(stem));
      const unfinished = parsed.unfinished;
      const begins = unfinished && !stems.has(stem(unfinished)) && [...own].some((word) => word.startsWith(unfinished));
      return [...wanted].filter((term) => stems.has(term)).length + (begins ? 1 : 0);
    };
    return steps.map((step) => [matched(step), step]).filter(([count]) => count)
      .sort((one, other) => other[0] - one[0]).slice(0, this.rules.bestSteps).map(([, step]) => step);
  }

  // The question with mended words.
  replaced(text, mended) {
    const shown = fold(text.trim().split(/\s+/u).join(" "));
    return shown.replace(WORD, (word) => mended.get(word) ?? word);
  }
}

// Letters that are wrong, missing or too many; with swaps, two swapped letters are one mistake.
export function distance(one, other, { swaps }) {
  let before = [];
  let last = Array.from({ length: other.length + 1 }, (_, place) => place);
  for (let i = 1; i <= one.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= other.length; j += 1) {
      let best = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (one[i - 1] === other[j - 1] ? 0 : 1));
      if (swaps && i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
        best = Math.min(best, before[j - 2] + 1);
      }
      row.push(best);
    }
    [before, last] = [last, row];
  }
  return last[other.length];
}

export function rarity(documents, total) {
  return Math.log(1 + (total - documents + 0.5) / (documents + 0.5));
}

// Lists for words that stand for each other, as one: a document counts its best.
export function anyOf(lists) {
  if (lists.length === 1 && lists[0][1] === 1) {
    return lists[0][0];
  }
  const best = new Map();
  for (const [{ documents, weights }, factor] of lists) {
    documents.forEach((document, place) => {
      const value = weights[place] * factor;
      if (value > (best.get(document) ?? 0)) {
        best.set(document, value);
      }
    });
  }
  return { documents: [...best.keys()], weights: [...best.values()] };
}

// Documents with any of the words; see covered() in builder/search/ranking.py.
export function covered(lists, total, all) {
  const telling = lists.filter(({ documents }) => documents.length)
    .map((postings) => [postings, rarity(postings.documents.length, total)]);
  const whole = telling.reduce((sum, [, factor]) => sum + factor, 0);
  const scores = new Map();
  const shares = new Map();
  for (const [{ documents, weights }, factor] of telling) {
    const share = factor / whole;
    documents.forEach((document, place) => {
      scores.set(document, (scores.get(document) ?? 0) + weights[place] * factor);
      shares.set(document, (shares.get(document) ?? 0) + share);
    });
  }
  let complete = 0;
  for (const [document, share] of shares) {
    if (share > all) {
      complete += 1;
    } else {
      scores.set(document, scores.get(document) * share * share);
    }
  }
  return { scores, complete };
}

export function withoutTail(scores, tail) {
  let best = 0;
  for (const score of scores.values()) {
    best = Math.max(best, score);
  }
  return new Map([...scores].filter(([, score]) => score >= best * tail));
}

// Facet → value → libraries, each facet as if its own filter were not set; and what passes all.
export function filtered(documents, facets, chosen) {
  const names = Object.keys(facets);
  const passes = names.map((name) => {
    const wanted = chosen.get(name);
    return wanted?.size ? facets[name][0].map((values) => values.some((value) => wanted.has(value))) : null;
  });
  const counts = names.map((name) => new Uint32Array(facets[name][0].length));
  const found = [];
  for (const document of documents) {
    let failed = -1;
    let failures = 0;
    for (let place = 0; place < names.length && failures < 2; place += 1) {
      if (passes[place] && !passes[place][facets[names[place]][1][document]]) {
        failed = place;
        failures += 1;
      }
    }
    if (!failures) {
      found.push(document);
      names.forEach((name, place) => {
        counts[place][facets[name][1][document]] += 1;
      });
    } else if (failures === 1) {
      counts[failed][facets[names[failed]][1][document]] += 1;
    }
  }
  const byValue = Object.fromEntries(names.map((name, place) => {
    const sums = new Map();
    facets[name][0].forEach((values, combination) => {
      for (const value of values) {
        sums.set(value, (sums.get(value) ?? 0) + counts[place][combination]);
      }
    });
    return [name, sums];
  }));
  return { found, counts: byValue };
}
