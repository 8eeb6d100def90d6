/** The notebook's two exercises: a formula is typed, evaluated here, and compared with the service's matrix. */

import { element } from "./dom.js";
import { evaluate, FormulaError, shapeOf } from "./expression.js";
import { precise } from "./numbers.js";
import { say, TEXT } from "./strings.js";

/** How far float64 here and float32 there may lie apart, of the greatest number's size. */
const TOLERANCE = 1e-5;

/** @param {Matrix} matrix @returns {Table} */
function table(matrix) {
	const numbers = Float64Array.from(matrix.numbers, (number) => (Number.isNaN(number) ? -Infinity : number));
	return { rows: matrix.rows, columns: matrix.columns, numbers };
}

/**
 * Compare a learner's formula with the service.
 * @param {Exercise} exercise
 * @param {string} formula
 * @param {Record<string, Matrix>} matrices
 * @param {number | null} scale where one is set
 * @returns {Verdict}
 */
function check(exercise, formula, matrices, scale) {
	const { query, key, value, scores, attentions } = matrices;
	const wanted = matrices[exercise];
	if (!query || !key || !value || !scores || !attentions || !wanted)
		return { right: false, text: TEXT.notOffered, cell: null };
	const names = {
		Q: table(query),
		K: table(key),
		V: table(value),
		dk: query.columns,
		d_k: query.columns,
		...(scale === null ? {} : { scale }),
		...(exercise === "output" ? { S: table(scores), A: table(attentions) } : {}),
	};
	try {
		const verdict = compare(evaluate(formula, names), wanted);
		if (!verdict.right && scale !== null) verdict.text += ` ${TEXT.exercises.scale}`;
		return verdict;
	} catch (error) {
		if (error instanceof FormulaError) return { right: false, text: error.message, cell: null };
		throw error;
	}
}

/** @param {Value} value @param {Matrix} wanted @returns {Verdict} */
function compare(value, wanted) {
	if (typeof value === "number" || value.rows !== wanted.rows || value.columns !== wanted.columns)
		return {
			right: false,
			text: say(TEXT.exercises.shape, { yours: shapeOf(value), service: shapeOf(wanted) }),
			cell: null,
		};
	const size = wanted.numbers.reduce(
		(most, number) => (number > -Infinity ? Math.max(most, Math.abs(number)) : most),
		0,
	);
	let most = 0;
	let first = -1;
	let differ = 0;
	let compared = 0;
	value.numbers.forEach((mine, index) => {
		const theirs = wanted.numbers[index];
		if (!(theirs > -Infinity)) return; // the mask is not the learner's
		compared++;
		const difference = Math.abs(mine - theirs);
		most = Math.max(most, difference);
		if (difference <= TOLERANCE * size) return; // and NaN differs
		if (first < 0) first = index;
		differ++;
	});
	if (first < 0)
		return {
			right: true,
			text: say(TEXT.exercises.right, { cells: compared, most: precise(most) }),
			cell: null,
		};
	const cell = { row: Math.floor(first / wanted.columns), column: first % wanted.columns };
	const text = say(TEXT.exercises.wrong, {
		differ,
		cell: `[${cell.row}, ${cell.column}]`,
		yours: precise(value.numbers[first]),
		service: precise(wanted.numbers[first]),
	});
	return { right: false, text, cell };
}

export class ExerciseView {
	/**
	 * @param {Exercise} exercise
	 * @param {(formula: string) => void} keep is told every formula that is checked
	 * @param {(cell: {row: number, column: number} | null) => void} point shows the first cell that differs
	 */
	constructor(exercise, keep, point) {
		const text = TEXT.exercises[exercise];
		const id = `formula-${exercise}`;
		this.exercise = exercise;
		this.point = point;
		this.formula = "";
		/** @type {Given} */
		this.given = { formula: "", matrices: {}, scale: null, answer: null, head: 0 };
		this.verdict = element("p", { class: "verdict", role: "status" });
		this.input = element("input", {
			id,
			type: "text",
			class: "formula",
			spellcheck: "false",
			autocomplete: "off",
			placeholder: text.example,
		});
		const form = element(
			"form",
			{
				onsubmit: (/** @type {Event} */ event) => {
					event.preventDefault();
					keep(this.input.value);
					this.#judge();
				},
			},
			element("label", { for: id }, text.task),
			element("div", { class: "row" }, this.input, element("button", { type: "submit" }, TEXT.exercises.check)),
			element("p", { class: "hint" }, say(TEXT.exercises.language, { names: text.names })),
		);
		this.element = element("details", { class: "exercise" }, element("summary", {}, text.title), form, this.verdict);
	}

	/** @param {Given} given the formula that was checked last, and what it is checked with */
	show(given) {
		const { formula } = given;
		const { answer, head } = this.given;
		if (formula === this.formula && given.answer === answer && given.head === head) return;
		this.given = given;
		if (formula !== this.formula) {
			this.input.value = formula; // and nothing else that is being written is lost
			this.element.open ||= formula !== "";
		}
		this.formula = formula;
		this.#judge();
	}

	#judge() {
		const { formula, given } = this;
		const verdict = formula ? check(this.exercise, formula, given.matrices, given.scale) : null;
		this.verdict.textContent = verdict?.text ?? "";
		this.verdict.classList.toggle("right", verdict?.right === true);
		this.verdict.classList.toggle("wrong", verdict?.right === false);
		this.point(verdict?.cell ?? null);
	}
}
