/** Shows an explanation: the products as a row of cards, their sum, and sentences. */

import { element } from "./dom.js";
import { precise, short } from "./numbers.js";
import { TEXT } from "./strings.js";

/** More products than this are not written out one by one. */
const MOST_TERMS = 64;

/**
 * @param {HTMLElement} root
 * @param {Explanation | null} explanation
 */
export function showExplanation(root, explanation) {
	const spoken = root.querySelector(".title") ?? element("p", { class: "title", "aria-live": "polite" }); // the terms would be a flood
	root.replaceChildren(spoken);
	spoken.textContent = explanation?.title ?? "";
	if (!explanation) {
		root.append(element("p", { class: "hint" }, TEXT.hover));
		return;
	}
	const { terms, lines } = explanation;
	if (terms.length) {
		const shown = terms
			.slice(0, MOST_TERMS)
			.flatMap(({ left, right, product }, index) => [
				element(
					"span",
					{ class: "term", "data-left": left, "data-right": right, "data-product": product },
					`${index ? "+ " : ""}${short(left)} · ${short(right)}`,
					element("small", {}, `= ${short(product)}`),
				),
			]);
		const sum = terms.reduce((all, { product }) => all + product, 0);
		const rest = terms.length > MOST_TERMS ? [element("span", { class: "term" }, `+ … (${terms.length})`)] : [];
		root.append(
			element(
				"div",
				{ class: "terms" },
				...shown,
				...rest,
				element("output", { class: "sum", "data-sum": sum }, `= ${precise(sum)}`),
			),
		);
	}
	root.append(...lines.map((line) => element("p", {}, line)));
}
