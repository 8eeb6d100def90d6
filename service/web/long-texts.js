/** Texts too long for an address. The address names them by a fingerprint; they stay in this tab, and go with it. */

const NAMES = /** @type {const} */ (["sentence", "sentence_pair", "target"]);
/** Characters; longer addresses break in chats and mails, and slow the browser's history down. */
const MOST = 30_000;
/** Texts that Back can return to. */
const KEPT = 4;
const STORED = "long-text";

/** @typedef {Pick<Values, (typeof NAMES)[number]>} Texts */

/** @type {Map<string, Texts>} */
const kept = new Map();
/** @type {{texts: Texts, print: string} | null} */
let last = null;

/** @param {Values} values @returns {boolean} whether an address is no place for them */
export function isLong(values) {
	return NAMES.reduce((sum, name) => sum + values[name].length, 0) > MOST;
}

/** Remember the texts of a state. @param {Values} values @returns {string} what they are found with */
export function keepTexts(values) {
	if (last && NAMES.every((name) => last?.texts[name] === values[name])) return last.print;
	const texts = { sentence: values.sentence, sentence_pair: values.sentence_pair, target: values.target };
	const print = fingerprint(JSON.stringify(texts));
	last = { texts, print };
	kept.delete(print);
	kept.set(print, texts);
	for (const old of kept.keys()) if (kept.size > KEPT) kept.delete(old);
	try {
		sessionStorage.setItem(STORED, JSON.stringify(last)); // the page may be loaded anew
	} catch {
		// storage is full or forbidden: then it lasts as long as the page
	}
	return print;
}

/** @param {string} print @returns {Texts | null} */
export function findTexts(print) {
	const known = kept.get(print);
	if (known) return known;
	try {
		const stored = JSON.parse(sessionStorage.getItem(STORED) ?? "null");
		return stored?.print === print ? stored.texts : null;
	} catch {
		return null;
	}
}

/** FNV-1a. @param {string} text @returns {string} */
function fingerprint(text) {
	let hash = 0x811c9dc5;
	for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
	return (hash >>> 0).toString(16).padStart(8, "0");
}
