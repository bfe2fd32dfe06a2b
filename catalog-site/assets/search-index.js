// The catalogue's search index: loads the files that a question needs, and answers it.
// builder/search/browser/site_index.py writes it.

import { Language, anyOf, covered, distance, filtered, withoutTail } from "./search-rules.js";
import { stem } from "./search-stems.js";

const NOTHING = { documents: [], weights: [] };
const CARD = [
  "name", "title", "summary", "version", "newest", "author", "license", "categories", "platforms",
  "flags", "count", "hue", "initials", "steps",
];
const CARDS_EACH = 8;
const byText = (one, other) => (one < other ? -1 : Number(one > other));

async function unpacked(address, options) {
  const answer = await fetch(address, options);
  if (!answer.ok) {
    throw new Error(`${address}: ${answer.status}`);
  }
  return new Response(answer.body.pipeThrough(new DecompressionStream("gzip")));
}

// Terms of a file; the form is that of builder/search/browser/posting_bytes.py.
function termsOf(bytes) {
  const text = new TextDecoder();
  const terms = new Map();
  let at = 0;
  const number = () => {
    let value = 0;
    let scale = 1;
    while (bytes[at] >= 128) {
      value += (bytes[at++] - 128) * scale;
      scale *= 128;
    }
    return value + bytes[at++] * scale;
  };
  while (at < bytes.length) {
    const length = number();
    const term = text.decode(bytes.subarray(at, at += length));
    const count = number();
    const end = number() + at;
    const documents = new Array(count);
    let document = 0;
    for (let place = 0; at < end; place += 1) {
      document += number();
      documents[place] = document;
    }
    terms.set(term, { documents, weights: bytes.subarray(at, at += count) });
  }
  return terms;
}

function wordsOf(text) {
  return text.split("\n").slice(0, -1).map((line) => {
    const [word, count] = line.split(" ");
    return { word, count: Number(count) };
  });
}

// The values of a facet, each with how many of all libraries have it.
function sizes([combinations, column]) {
  const found = new Map();
  for (const combination of column) {
    for (const value of combinations[combination]) {
      found.set(value, (found.get(value) ?? 0) + 1);
    }
  }
  return found;
}

export class SearchIndex {
  constructor(root, entry) {
    this.root = root;
    this.entry = entry;
    this.language = new Language(entry.rules);
    this.loaded = new Map();
  }

  static async open(root) {
    // The one name that stays when the content changes: ask whether it did.
    const answer = await unpacked(new URL("entry.bin", root), { cache: "no-cache" });
    return new SearchIndex(root, await answer.json());
  }

  load(name, read) {
    if (!this.loaded.has(name)) {
      const loading = unpacked(new URL(`${name}.bin`, this.root)).then(read);
      // What failed once may work when it is asked for again.
      loading.catch(() => this.loaded.delete(name));
      this.loaded.set(name, loading);
    }
    return this.loaded.get(name);
  }

  async postings(term) {
    const ended = `${term}$`;
    for (let length = 1; length <= ended.length; length += 1) {
      const name = this.entry.terms[ended.slice(0, length)];
      if (name) {
        const terms = await this.load(name, async (answer) => termsOf(new Uint8Array(await answer.arrayBuffer())));
        return terms.get(term) ?? NOTHING;
      }
    }
    return NOTHING;
  }

  // Words as they are written that begin so, each with how many libraries have its stem.
  async words(beginning) {
    const names = Object.entries(this.entry.words)
      .filter(([key]) => key.startsWith(beginning) || `${beginning}$`.startsWith(key) || beginning.startsWith(key))
      .map(([, name]) => name);
    const found = await Promise.all(names.map((name) => this.load(name, async (answer) => wordsOf(await answer.text()))));
    return found.flat().filter(({ word }) => word.startsWith(beginning));
  }

  async completions(beginning) {
    const { completions } = this.entry.rules;
    const counts = new Map((await this.words(beginning)).map(({ word, count }) => [stem(word), count]));
    counts.delete(stem(beginning));
    return [...counts].sort((one, other) => other[1] - one[1] || byText(one[0], other[0]))
      .slice(0, completions).map(([term]) => term);
  }

  async nearest(word, known) {
    const rules = this.entry.rules;
    if (word.length < rules.shortestMended || word.length > rules.longestMended) {
      return [];
    }
    const reach = known || word.length <= rules.fewLetters ? 1 : 2;
    const own = stem(word);
    const near = (await this.words([...word][0]))
      .filter((other) => Math.abs(other.word.length - word.length) <= 2 && stem(other.word) !== own
        && distance(word, other.word, { swaps: false }) <= 2)
      .map((other) => ({ ...other, far: distance(word, other.word, { swaps: true }) }))
      .sort((one, other) => one.far - other.far || other.count - one.count || byText(one.word, other.word));
    return near.filter(({ far }) => far === near[0].far && far <= reach).slice(0, rules.nearest)
      .filter(({ count }) => !known || count >= known * rules.times).map((other) => other.word);
  }

  // The documents of one word: as it is, joined with the next, completed, or mended.
  async wordPostings(parsed, place, mended, unknown) {
    const rules = this.entry.rules;
    const words = parsed.wanted;
    const word = words[place];
    const joined = [place - 1, place].filter((at) => at >= 0 && at + 1 < words.length)
      .map((at) => (words[at] + words[at + 1]).slice(0, rules.wordLength));
    const longer = word === parsed.unfinished ? await this.completions(word) : [];
    const [exact, ...others] = await Promise.all([
      this.postings(stem(word)),
      ...joined.map((both) => this.postings(stem(both))),
      ...longer.map((term) => this.postings(term)),
    ]);
    const lists = [[exact, 1], ...others.map((found, at) => [found, at < joined.length ? 1 : rules.completed])];
    let alive = lists.filter(([found]) => found.documents.length);
    const known = exact.documents.length;
    if (!alive.length || (alive.length === 1 && known > 0 && known < rules.rare)) {
      const near = await this.nearest(word, known);
      if (near.length) {
        mended.set(word, near[0]);
        const found = await Promise.all(near.map((other) => this.postings(stem(other))));
        alive = [...alive, ...found.map((list) => [list, rules.mended])];
      }
    }
    if (!alive.length) {
      unknown.add(word);
    }
    return anyOf(alive);
  }

  async matched(parsed, text) {
    const rules = this.entry.rules;
    const mended = new Map();
    const unknown = new Set();
    const lists = await Promise.all(parsed.wanted.map((_, place) => this.wordPostings(parsed, place, mended, unknown)));
    const { scores: all, complete } = covered(lists, this.entry.count, rules.all);
    const scores = withoutTail(all, rules.tail);
    const corrected = mended.size ? this.language.replaced(text, mended) : null;
    return {
      scores,
      corrected,
      suggestions: scores.size < rules.fewHits ? this.suggestions(parsed, unknown, corrected) : [],
      unknown: [...unknown],
      isComplete: complete > 0 && !mended.size && !unknown.size,
    };
  }

  suggestions(parsed, unknown, corrected) {
    const left = parsed.wanted.filter((word) => !unknown.has(word));
    const fewer = left.length && unknown.size ? [left.join(" ")] : [];
    const found = new Set([...(corrected ? [corrected] : []), ...fewer, ...(left.length > 1 ? left : [])]);
    return [...found].slice(0, this.entry.rules.suggestions);
  }

  everything() {
    return new Map(Array.from({ length: this.entry.count }, (_, document) => [document, 0]));
  }

  async found(parsed, text) {
    if (parsed.isEmpty) {
      const scores = text.trim() && !parsed.excluded.length ? new Map() : this.everything();
      return { scores, corrected: null, suggestions: [], unknown: [], isComplete: true };
    }
    return this.matched(parsed, text);
  }

  // Exactly what was asked for comes first, a successor before what it replaces.
  async lifted(scores, whole) {
    const above = Math.max(0, ...scores.values());
    const named = whole ? await this.postings(`${whole}=`) : NOTHING;
    for (const document of named.documents) {
      if (scores.has(document)) {
        scores.set(document, scores.get(document) + above);
      }
    }
    for (const [old, successor] of this.entry.replaced) {
      const score = scores.get(old);
      if (score !== undefined && scores.get(successor) < score) {
        scores.set(successor, score);
      }
    }
  }

  // chosen: facet → set of values; sort: relevance, name, newest or quality.
  async search(text, chosen, sort) {
    const parsed = this.language.parse(text);
    const [match, facets, places] = await Promise.all([
      this.found(parsed, text),
      this.load(this.entry.facets, (answer) => answer.json()),
      sort === "relevance" ? null : this.load(this.entry.orders[sort], (answer) => answer.json()),
    ]);
    const { scores } = match;
    const gone = await Promise.all(parsed.excluded.map((word) => this.postings(stem(word))));
    for (const { documents } of gone) {
      documents.forEach((document) => scores.delete(document));
    }
    const { language } = this;
    await this.lifted(scores, match.corrected ? language.wholeName(language.words(match.corrected)) : parsed.whole);
    const { found, counts } = filtered(scores.keys(), facets, chosen);
    found.sort(places
      ? (one, other) => places[one] - places[other]
      : (one, other) => scores.get(other) - scores.get(one) || one - other);
    return { ...match, parsed, found, counts, everywhere: found.length ? [] : sizes(facets.category) };
  }

  async card(document) {
    const name = this.entry.cards[Math.floor(document / CARDS_EACH)];
    const cards = await this.load(name, (answer) => answer.json());
    const card = cards[document % CARDS_EACH];
    return Object.fromEntries(CARD.map((key, place) => [key, card[place]]));
  }
}
