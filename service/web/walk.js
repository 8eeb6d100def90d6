/** The walk: the notebook's steps from left to right, every matrix with its shape and formula, every number explained. */

import { namesOf } from "./arrange.js";
import { element } from "./dom.js";
import { ExerciseView } from "./exercise.js";
import { explain } from "./explain.js";
import { showExplanation } from "./explanation-view.js";
import { MatrixView } from "./matrix-view.js";
import { numbersButton } from "./numbers-dialog.js";
import { MATRICES, STEPS } from "./steps.js";
import { say, TEXT } from "./strings.js";

const CELL = { width: 38, height: 20 };
const LARGEST = { width: 480, height: 420 };

export class WalkView {
	/** @param {Change} change */
	constructor(change) {
		this.explanation = element("div", { class: "explanation" });
		this.tokens = element("ol", { class: "tokens" });
		/** @type {Record<string, {view: MatrixView, figure: HTMLElement, formula: HTMLElement, shape: HTMLElement}>} */
		this.figures = Object.fromEntries(MATRICES.map((name) => [name, this.#figure(name)]));
		this.exercises = {
			scores: new ExerciseView(
				"scores",
				(formula) => change({ scores_formula: formula }),
				(cell) => this.#point("scores", cell),
			),
			output: new ExerciseView(
				"output",
				(formula) => change({ output_formula: formula }),
				(cell) => this.#point("output", cell),
			),
		};
		this.headings = /** @type {Record<string, HTMLElement[]>} */ ({});
		this.element = element(
			"div",
			{ class: "walk" },
			element("div", { class: "steps" }, ...this.#steps()),
			this.explanation,
		);
		/** @type {Situation | null} */
		this.situation = null;
		this.pointed = false;
		showExplanation(this.explanation, null);
	}

	/** @param {Sight} sight */
	show({ answer, values, model, head }) {
		const pretrained = model.kind === "pretrained";
		const { told } = answer;
		/** @type {Record<string, Matrix>} */
		const matrices = Object.fromEntries(
			MATRICES.filter((name) => answer.has(name)).map((name) => [name, answer.matrix(name, 0, head)]),
		);
		const { tokens: queryTokens } = answer.queries;
		const { tokens: keyTokens } = answer.keys;
		this.situation = { matrices, queryTokens, keyTokens, parameters: told.parameters, pretrained };
		this.tokens.replaceChildren(
			...told.tokens.map((token, index) =>
				element("li", {}, element("bdi", {}, token), element("small", {}, String(told.input_ids[index] ?? ""))),
			),
		);
		for (const [step, [title, text]] of Object.entries(this.headings)) {
			const words = pretrained
				? TEXT.pretrainedSteps[/** @type {keyof typeof TEXT.pretrainedSteps} */ (step)]
				: undefined;
			const [name, about] = words ?? TEXT.steps[/** @type {keyof typeof TEXT.steps} */ (step)];
			if (title) title.textContent = name ?? "";
			if (text) text.textContent = about ?? "";
		}
		for (const name of MATRICES) this.#show(name, answer, head, values.colormap, pretrained);
		const { scale = null } = told.parameters;
		this.exercises.scores.show({ formula: values.scores_formula, matrices, scale, answer, head });
		this.exercises.output.show({ formula: values.output_formula, matrices, scale, answer, head });
		const pointed = MATRICES.find((name) => answer.has(name) && this.figures[name].view.cursor); // its numbers are other ones now
		if (pointed || this.pointed) this.#explain(pointed ?? "scores", pointed ? this.figures[pointed].view.cursor : null);
	}

	/** @param {MatrixName} name @param {Answer} answer @param {number} head @param {string} colormap @param {boolean} pretrained */
	#show(name, answer, head, colormap, pretrained) {
		const { view, figure, formula, shape } = this.figures[name];
		figure.hidden = !answer.has(name);
		if (figure.hidden) return;
		const matrix = answer.drawn(name, head);
		const { rows, columns } = answer.axes(name);
		formula.textContent = formulaOf(name, answer.told.parameters, pretrained);
		shape.textContent = say(TEXT.shape, { rows: matrix.rows, columns: matrix.columns });
		view.show({
			matrix,
			rowNames: namesOf(
				rows,
				Array.from({ length: matrix.rows }, (_, row) => row),
			),
			columnNames: namesOf(
				columns,
				Array.from({ length: matrix.columns }, (_, column) => column),
			),
			named: { rows: rows !== null, columns: columns !== null },
			room: LARGEST,
			cell: CELL,
			square: false,
			colormap,
			range: "data",
			scale: "linear",
			masked: name === "scores" ? "null" : "0",
		});
	}

	/** @param {MatrixName} name */
	#figure(name) {
		const view = new MatrixView(`${TEXT.matrices[name]}. ${TEXT.hover}`);
		const formula = element("span", { class: "formula" });
		const shape = element("span", { class: "shape" });
		const numbers = numbersButton(() => view.content);
		const figure = element(
			"figure",
			{ "data-matrix": name },
			element("figcaption", {}, element("strong", {}, TEXT.matrices[name]), numbers, formula, shape),
			view.canvas,
		);
		view.addEventListener("cell", (event) =>
			this.#explain(name, /** @type {CustomEvent<Cell | null>} */ (event).detail),
		);
		return { view, figure, formula, shape };
	}

	*#steps() {
		yield this.#step("tokens", this.tokens);
		for (const [step, names] of Object.entries(STEPS)) {
			const figures = names.map((name) => /** @type {{figure: HTMLElement}} */ (this.figures[name]).figure);
			const exercise = step === "scores" || step === "output" ? [this.exercises[step].element] : [];
			yield this.#step(step, element("div", { class: "figures" }, ...figures), ...exercise);
		}
	}

	/** @param {string} step @param {...HTMLElement} content */
	#step(step, ...content) {
		const title = element("h2", {});
		const text = element("p", {});
		this.headings[step] = [title, text];
		return element("section", { class: "step", "data-step": step }, title, text, ...content);
	}

	/** @param {MatrixName} name @param {Cell | null} cell */
	#explain(name, cell) {
		if (!this.situation) return;
		this.pointed = cell !== null;
		const explanation = cell ? explain(name, cell.row, cell.column, this.situation) : null;
		showExplanation(this.explanation, explanation);
		for (const [other, { view }] of Object.entries(this.figures)) view.light(explanation?.lights[other] ?? []);
	}

	/** @param {"scores" | "output"} name @param {Cell | null} cell */
	#point(name, cell) {
		this.figures[name]?.view.light(cell ? [cell] : []);
	}
}

/** @param {MatrixName} name @param {Record<string, any>} parameters @param {boolean} pretrained @returns {string} */
function formulaOf(name, parameters, pretrained) {
	const projection = (/** @type {string} */ symbol) => (pretrained ? symbol : `${symbol} = X · W_${symbol}`);
	const scale = typeof parameters.scale === "number" ? `Q · Kᵀ · ${parameters.scale}` : "Q · Kᵀ / √d_k";
	/** @type {Record<MatrixName, string>} */
	const formulas = {
		embedding: "X",
		query_weights: "W_Q",
		key_weights: "W_K",
		value_weights: "W_V",
		query: projection("Q"),
		key: projection("K"),
		value: projection("V"),
		scores: `S = ${scale}`,
		attentions: "A = softmax(S)",
		output: "O = A · V",
	};
	return formulas[name];
}
