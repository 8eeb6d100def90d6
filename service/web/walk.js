/** The walk: the notebook's steps from left to right, every matrix with its shape and formula, every number explained. */

import { element } from "./dom.js";
import { ExerciseView } from "./exercise.js";
import { explain } from "./explain.js";
import { showExplanation } from "./explanation-view.js";
import { MatrixView } from "./matrix-view.js";
import { numbersButton } from "./numbers-dialog.js";
import { MATRICES, OF_KEYS, STEPS } from "./steps.js";
import { say, TEXT } from "./strings.js";

const CELL = { width: 38, height: 20 };
const LARGEST = { width: 380, height: 320 };

export class WalkView {
	/** @param {Change} change */
	constructor(change) {
		this.explanation = element("div", { class: "explanation", "aria-live": "polite" });
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
		showExplanation(this.explanation, null);
	}

	/** @param {Sight} sight */
	show({ answer, values, model, head }) {
		const pretrained = model.kind === "pretrained";
		const { told, queryTokens, keyTokens } = answer;
		/** @type {Record<string, Matrix>} */
		const matrices = Object.fromEntries(
			MATRICES.filter((name) => answer.has(name)).map((name) => [name, answer.matrix(name, 0, head)]),
		);
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
		for (const name of MATRICES) this.#show(name, matrices[name], values, told.parameters, pretrained);
		this.exercises.scores.show({ formula: values.scores_formula, matrices });
		this.exercises.output.show({ formula: values.output_formula, matrices });
	}

	/** @param {MatrixName} name @param {Matrix | undefined} matrix @param {Values} values @param {Record<string, any>} parameters @param {boolean} pretrained */
	#show(name, matrix, values, parameters, pretrained) {
		const figure = /** @type {{view: MatrixView, figure: HTMLElement, formula: HTMLElement, shape: HTMLElement}} */ (
			this.figures[name]
		);
		figure.figure.hidden = !matrix;
		if (!matrix || !this.situation) return;
		figure.formula.textContent = formulaOf(name, parameters, pretrained);
		figure.shape.textContent = say(TEXT.shape, { rows: matrix.rows, columns: matrix.columns });
		const { queryTokens, keyTokens } = this.situation;
		const ofTokens = !name.endsWith("_weights");
		figure.view.show({
			matrix,
			rowNames: ofTokens ? (name === "key" || name === "value" ? keyTokens : queryTokens) : [],
			columnNames: OF_KEYS.has(name) ? keyTokens : [],
			width: Math.min(matrix.columns * CELL.width, LARGEST.width),
			height: Math.min(matrix.rows * CELL.height, LARGEST.height),
			square: false,
			colormap: values.colormap,
			range: "data",
			scale: "linear",
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
