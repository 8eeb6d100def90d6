/** A matrix as a table of text, to be read out, selected and copied. */

import { element } from "./dom.js";
import { exact } from "./numbers.js";
import { say, TEXT } from "./strings.js";

/** More of it would be slow to lay out, and nobody reads it. */
const MOST = 64;

/**
 * A button that opens the table.
 * @param {() => Content | null} content
 * @returns {HTMLButtonElement}
 */
export function numbersButton(content) {
	return element("button", { type: "button", class: "quiet", onclick: () => open(content()) }, TEXT.showNumbers);
}

/** @param {Content | null} content */
function open(content) {
	if (!content) return;
	const dialog = element("dialog", {
		class: "numbers",
		"aria-label": TEXT.showNumbers,
		onclose: () => dialog.remove(),
	});
	dialog.append(
		element("form", { method: "dialog" }, element("button", { type: "submit" }, TEXT.close)),
		element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": TEXT.showNumbers }, table(content)),
	);
	document.body.append(dialog);
	dialog.showModal();
}

/** @param {Content} content @returns {HTMLTableElement} */
function table({ matrix, rowNames, columnNames, masked }) {
	const rows = Math.min(matrix.rows, MOST);
	const columns = Math.min(matrix.columns, MOST);
	const head = element("tr", {}, element("td"));
	for (let column = 0; column < columns; column++) head.append(element("th", { scope: "col" }, columnNames[column]));
	const body = element("tbody");
	for (let row = 0; row < rows; row++) {
		const line = element("tr", {}, element("th", { scope: "row" }, rowNames[row]));
		for (let column = 0; column < columns; column++)
			line.append(element("td", {}, exact(matrix.at(row, column), masked)));
		body.append(line);
	}
	const cut = rows < matrix.rows || columns < matrix.columns;
	const caption = cut ? [element("caption", {}, say(TEXT.numbersShown, { rows, columns }))] : [];
	return element("table", {}, ...caption, element("thead", {}, head), body);
}
