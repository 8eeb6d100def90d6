/** What stands beside a document's picture: tokens where each has the room, and before that ranges of positions. */

import { NAME_FONT, shortened, theme, widthOf } from "./canvas.js";
import { DOCUMENT } from "./document-strings.js";
import { counted } from "./numbers.js";

/** The least room of a token, and of a range, in CSS pixels. */
const TOKEN = 12;
const RANGE = 100;
const LINE = 16;
const TICK = 6;
/** Between a position and the token that it is of. */
const GAP = 8;

/**
 * The context's origin is the window's, and the margins are left of it and above it.
 * @param {CanvasRenderingContext2D} context
 * @param {Geometry} geometry
 * @param {number} margin
 * @param {readonly string[]} tokens of rows and columns
 */
export function drawAxes(context, geometry, margin, tokens) {
	context.font = NAME_FONT;
	context.textBaseline = "middle";
	context.textAlign = "right";
	context.fillStyle = theme().soft;
	context.fillText(DOCUMENT.columns, -TICK - 2, -TICK - LINE / 2);
	context.fillText(DOCUMENT.rows, -TICK - 2, -TICK - 1.5 * LINE);
	if (geometry.cellHeight >= TOKEN) drawTokens(context, geometry, margin, tokens);
	else drawRanges(context, geometry, margin);
}

/** @param {CanvasRenderingContext2D} context @param {Geometry} geometry @param {number} margin @param {readonly string[]} tokens */
function drawTokens(context, geometry, margin, tokens) {
	const { firstRow, lastRow, firstColumn, lastColumn } = geometry.visible;
	const isRoom = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ end) =>
		Math.min(to, end) - Math.max(from, 0) >= TOKEN - 1;
	for (let row = firstRow; row < lastRow; row++) {
		if (!isRoom(geometry.y(row), geometry.y(row + 1), geometry.height)) continue;
		context.save();
		context.translate(0, geometry.middleY(row));
		drawToken(context, margin, row, tokens[row] ?? "", -1);
		context.restore();
	}
	for (let column = firstColumn; column < lastColumn; column++) {
		if (!isRoom(geometry.x(column), geometry.x(column + 1), geometry.width)) continue;
		context.save();
		context.translate(geometry.middleX(column), 0);
		context.rotate(-Math.PI / 2);
		drawToken(context, margin, column, tokens[column] ?? "", 1);
		context.restore();
	}
}

/**
 * A token beside the matrix, and its position at the far end of the margin.
 * @param {CanvasRenderingContext2D} context
 * @param {number} margin
 * @param {number} position
 * @param {string} token
 * @param {1 | -1} direction in which the margin lies
 */
function drawToken(context, margin, position, token, direction) {
	const { ink, soft } = theme();
	const number = counted(position);
	const room = margin - TICK - widthOf(context, number) - GAP;
	context.fillStyle = ink;
	context.textAlign = direction > 0 ? "left" : "right";
	context.fillText(shortened(context, token, room), direction * TICK, 0);
	context.fillStyle = soft;
	context.textAlign = direction > 0 ? "right" : "left";
	context.fillText(number, direction * margin, 0);
}

/** @param {CanvasRenderingContext2D} context @param {Geometry} geometry @param {number} margin */
function drawRanges(context, geometry, margin) {
	const { ink, soft } = theme();
	const { firstRow, lastRow, firstColumn, lastColumn } = geometry.visible;
	const step = round(Math.min(RANGE, geometry.width / 3) / geometry.cellWidth);
	context.fillStyle = ink;
	context.strokeStyle = soft;
	context.lineWidth = 1;
	context.beginPath();
	context.textAlign = "right";
	for (let row = firstRow - (firstRow % step); row < lastRow; row += step) {
		const [from, to] = [geometry.y(row), Math.min(geometry.y(row + step), geometry.height)];
		line(context, -TICK, from, 0, from);
		if (to - Math.max(from, 0) < LINE) continue;
		const text = rangeOf(context, row, Math.min(row + step, geometry.rows), margin - TICK);
		context.fillText(text, -TICK - 2, (Math.max(from, 0) + to) / 2);
	}
	context.textAlign = "center";
	for (let column = firstColumn - (firstColumn % step); column < lastColumn; column += step) {
		const [from, to] = [geometry.x(column), Math.min(geometry.x(column + step), geometry.width)];
		line(context, from, -TICK, from, 0);
		const text = rangeOf(context, column, Math.min(column + step, geometry.columns), to - Math.max(from, 0));
		context.fillText(text, (Math.max(from, 0) + to) / 2, -TICK - LINE / 2);
	}
	context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} toX @param {number} toY */
function line(context, x, y, toX, toY) {
	if (x < -TICK || y < -TICK) return; // the range begins outside
	context.moveTo(x, y);
	context.lineTo(toX, toY);
}

/** @param {CanvasRenderingContext2D} context @param {number} from @param {number} to @param {number} room @returns {string} */
function rangeOf(context, from, to, room) {
	const forms = [`${counted(from)}–${counted(to - 1)}`, `${counted(from)} …`];
	return forms.find((form) => widthOf(context, form) + 4 <= room) ?? "";
}

/** @param {number} least @returns {number} the next of 1, 2, 5, 10, 20, 50 … */
export function round(least) {
	const power = 10 ** Math.max(0, Math.floor(Math.log10(least)));
	return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least) ?? power;
}
