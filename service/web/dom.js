/** Elements, made in one call. Text is only ever set as text, so nothing that a user types becomes markup. */

/**
 * An element with attributes and listeners (`onclick`), and children.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [attributes] null and false leave one out, true sets it empty
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
	const made = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) {
		if (typeof value === "function") made.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
		else if (value !== null && value !== false && value !== undefined)
			made.setAttribute(name, value === true ? "" : String(value));
	}
	made.append(...children.filter((child) => child !== null));
	return made;
}

/**
 * The element with an id, which the page has.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
	const found = document.getElementById(id);
	if (!found) throw new Error(`the page has no #${id}`);
	return found;
}

/**
 * A selection of `choices`, named by `names`.
 * @param {readonly string[]} choices
 * @param {Record<string, string>} names
 * @param {string} chosen
 * @returns {HTMLOptionElement[]}
 */
export function options(choices, names, chosen) {
	return choices.map((choice) =>
		element("option", { value: choice, selected: choice === chosen }, names[choice] ?? choice),
	);
}
