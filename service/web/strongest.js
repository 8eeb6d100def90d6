/** The greatest numbers of a row or column of a matrix, as a list. */

import { descending } from "./arrange.js";
import { element } from "./dom.js";
import { precise } from "./numbers.js";

const LISTED = 12;

/**
 * @param {HTMLElement} list
 * @param {Content | null} content null: nothing is listed
 * @param {boolean} ofRow
 * @param {number} place of the row or column
 */
export function listStrongest(list, content, ofRow, place) {
	list.replaceChildren();
	if (!content) return;
	const { matrix, rowNames, columnNames } = content;
	const numbers = ofRow ? matrix.row(place) : matrix.column(place);
	const names = ofRow ? columnNames : rowNames;
	const order = descending(Array.from(numbers.keys()), numbers);
	for (const index of order.slice(0, LISTED)) {
		const name = element("bdi", {}, names[index]);
		list.append(element("li", {}, name, element("span", {}, precise(numbers[index]))));
	}
}
