/**
 * The language in which learners write formulas: Q @ K.T / sqrt(dk).
 *
 * Operators bind as Python's do: @ * / from left to right, then + and -. Values are numbers and matrices in float64.
 */

import { say, TEXT } from "./strings.js";

const TOKEN =
	/\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_][A-Za-z_0-9]*)|(\.T\b|ᵀ)|([-+*/@()−·√]))/y;
const SAME = /** @type {Record<string, string>} */ ({ "−": "-", "·": "@" });
const MAX_CHARACTERS = 500;
const MAX_DEPTH = 50;
/** Multiplications of a formula, which take a tenth of a second. */
const MAX_PRODUCTS = 5e7;

let products = 0;

export class FormulaError extends Error {}

/** @param {number | Matrix | Table} value @returns {string} */
export function shapeOf(value) {
	return typeof value === "number"
		? TEXT.exercises.number
		: say(TEXT.shape, { rows: value.rows, columns: value.columns });
}

/** @param {string} text @returns {{kind: "number" | "name" | "transpose" | "operator", text: string}[]} */
function tokens(text) {
	const found = [];
	TOKEN.lastIndex = 0;
	const end = text.trimEnd().length;
	while (TOKEN.lastIndex < end) {
		const start = TOKEN.lastIndex;
		const match = TOKEN.exec(text);
		if (!match)
			throw new FormulaError(say(TEXT.errors.unknownCharacter, { character: [...text.slice(start).trimStart()][0] }));
		const [, number, name, transpose, operator] = match;
		if (number !== undefined) found.push({ kind: /** @type {const} */ ("number"), text: number });
		else if (name !== undefined) found.push({ kind: /** @type {const} */ ("name"), text: name });
		else if (transpose !== undefined) found.push({ kind: /** @type {const} */ ("transpose"), text: transpose });
		else found.push({ kind: /** @type {const} */ ("operator"), text: SAME[String(operator)] ?? String(operator) });
	}
	return found;
}

/**
 * What a formula comes to.
 * @param {string} text
 * @param {Record<string, Value>} names
 * @returns {Value}
 * @throws {FormulaError} with a sentence for the learner
 */
export function evaluate(text, names) {
	if (text.length > MAX_CHARACTERS) throw new FormulaError(say(TEXT.errors.tooLong, { limit: MAX_CHARACTERS }));
	const parts = tokens(text);
	products = 0;
	let next = 0;
	let depth = 0;
	const at = (/** @type {string} */ operator) => parts[next]?.kind === "operator" && parts[next]?.text === operator;

	function sum() {
		let value = product();
		while (at("+") || at("-")) {
			const sign = parts[next++]?.text === "+" ? 1 : -1;
			value = elementwise(value, product(), (a, b) => a + sign * b);
		}
		return value;
	}

	function product() {
		let value = signed();
		while (at("*") || at("/") || at("@")) {
			const operator = parts[next++]?.text;
			const right = signed();
			if (operator === "@") value = matmul(value, right);
			else value = elementwise(value, right, operator === "*" ? (a, b) => a * b : (a, b) => a / b);
		}
		return value;
	}

	/** @returns {Value} */
	function signed() {
		if (at("-")) {
			next++;
			return nested(() => elementwise(-1, signed(), (a, b) => a * b));
		}
		let value = primary();
		while (parts[next]?.kind === "transpose") {
			next++;
			value = transpose(value);
		}
		return value;
	}

	/** @returns {Value} */
	function primary() {
		const part = parts[next++];
		if (!part) throw new FormulaError(TEXT.errors.end);
		if (part.kind === "number") return Number(part.text);
		if (part.text === "√") return call("sqrt", signed());
		if (part.text === "(") return nested(closed);
		if (part.kind !== "name") throw new FormulaError(say(TEXT.errors.unexpected, { part: part.text }));
		if (at("(")) {
			next++;
			return call(part.text, nested(closed));
		}
		const value = Object.hasOwn(names, part.text) ? names[part.text] : undefined;
		if (value === undefined)
			throw new FormulaError(say(TEXT.errors.unknownName, { name: part.text, known: Object.keys(names).join(", ") }));
		return value;
	}

	function closed() {
		const value = sum();
		if (!at(")"))
			throw new FormulaError(parts[next] ? say(TEXT.errors.unexpected, { part: parts[next].text }) : TEXT.errors.end);
		next++;
		return value;
	}

	/** @param {() => Value} inner */
	function nested(inner) {
		if (++depth > MAX_DEPTH) throw new FormulaError(TEXT.errors.tooDeep);
		const value = inner();
		depth--;
		return value;
	}

	const value = sum();
	if (parts[next]) throw new FormulaError(say(TEXT.errors.unexpected, { part: parts[next].text }));
	return value;
}

const FUNCTIONS = /** @type {Record<string, (value: Value) => Value>} */ ({
	sqrt: (value) => elementwise(value, 0, (a) => Math.sqrt(a)),
	exp: (value) => elementwise(value, 0, (a) => Math.exp(a)),
	softmax,
});

/** @param {string} name @param {Value} value @returns {Value} */
function call(name, value) {
	if (Object.hasOwn(FUNCTIONS, name)) return FUNCTIONS[name](value);
	throw new FormulaError(say(TEXT.errors.unknownName, { name, known: Object.keys(FUNCTIONS).join(", ") }));
}

/** @param {Value} left @param {Value} right @param {(a: number, b: number) => number} operate @returns {Value} */
function elementwise(left, right, operate) {
	if (typeof left === "number" && typeof right === "number") return operate(left, right);
	if (typeof left === "number") return mapped(/** @type {Table} */ (right), (b) => operate(left, b));
	if (typeof right === "number") return mapped(left, (a) => operate(a, right));
	if (left.rows !== right.rows || left.columns !== right.columns)
		throw new FormulaError(say(TEXT.errors.elementwise, { left: shapeOf(left), right: shapeOf(right) }));
	return { ...left, numbers: left.numbers.map((a, index) => operate(a, right.numbers[index])) };
}

/** @param {Table} table @param {(a: number) => number} operate @returns {Table} */
function mapped(table, operate) {
	return { ...table, numbers: table.numbers.map(operate) };
}

/** @param {Value} left @param {Value} right @returns {Table} */
function matmul(left, right) {
	if (typeof left === "number" || typeof right === "number")
		throw new FormulaError(say(TEXT.errors.matrixOnly, { what: "@" }));
	if (left.columns !== right.rows)
		throw new FormulaError(say(TEXT.errors.product, { left: shapeOf(left), right: shapeOf(right) }));
	products += left.rows * left.columns * right.columns;
	if (products > MAX_PRODUCTS) throw new FormulaError(TEXT.errors.tooMuch);
	const numbers = new Float64Array(left.rows * right.columns);
	for (let row = 0; row < left.rows; row++)
		for (let inner = 0; inner < left.columns; inner++) {
			const factor = left.numbers[row * left.columns + inner];
			for (let column = 0; column < right.columns; column++)
				numbers[row * right.columns + column] =
					numbers[row * right.columns + column] + factor * right.numbers[inner * right.columns + column];
		}
	return { rows: left.rows, columns: right.columns, numbers };
}

/** @param {Value} value @returns {Value} */
function transpose(value) {
	if (typeof value === "number") throw new FormulaError(say(TEXT.errors.matrixOnly, { what: ".T" }));
	const { rows, columns, numbers } = value;
	const turned = Float64Array.from(
		numbers,
		(_, index) => numbers[(index % rows) * columns + Math.floor(index / rows)] ?? 0,
	);
	return { rows: columns, columns: rows, numbers: turned };
}

/**
 * Softmax of each row.
 * @param {Value} value
 * @returns {Table}
 */
function softmax(value) {
	if (typeof value === "number") throw new FormulaError(say(TEXT.errors.matrixOnly, { what: "softmax" }));
	const numbers = new Float64Array(value.numbers.length);
	for (let start = 0; start < numbers.length; start += value.columns) {
		const row = value.numbers.subarray(start, start + value.columns);
		const most = row.reduce((a, b) => Math.max(a, b), -Infinity);
		const shares = row.map((score) => Math.exp(score - most));
		const total = shares.reduce((a, b) => a + b, 0);
		numbers.set(
			shares.map((share) => share / total),
			start,
		);
	}
	return { ...value, numbers };
}
