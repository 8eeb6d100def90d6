/** Drawing a document: the tiles that there are, coarse ones under fine ones, and the cursor. */

import { fit, theme } from "./canvas.js";
import { palette } from "./colors.js";
import { drawAxes } from "./document-axes.js";
import { drawHatching } from "./draw.js";
import { overlap } from "./pyramid.js";

/** The least that is framed. */
const SMALLEST_FRAME = 5;

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Geometry} geometry
 * @param {number} margin left of the window and above it
 * @param {{tiles: readonly import("./tiles.js").Tile[], level: number, tokens: readonly string[], scale: Scale,
 * colormap: string, cursor: Span | null}} content
 */
export function drawDocument(context, geometry, margin, { tiles, level, tokens, scale, colormap, cursor }) {
	const { canvas } = context;
	const { width, height } = geometry;
	const { card, accent, hatching } = theme();
	fit(/** @type {HTMLCanvasElement} */ (canvas), context, margin + width + 2, margin + height + 2);
	context.translate(margin, margin);
	drawAxes(context, geometry, margin, tokens);
	context.save();
	context.beginPath();
	context.rect(0, 0, width, height);
	context.clip();
	context.fillStyle = card;
	context.fillRect(0, 0, width, height);
	context.imageSmoothingEnabled = false;
	const colors = palette(colormap);
	for (const tile of seen(tiles, geometry.visible, level))
		drawTile(context, geometry, tile, tile.drawn(scale, colormap, colors));
	context.globalCompositeOperation = "destination-over"; // shows through where tiles have no number
	if (scale.masked) drawHatching(context, geometry, hatching);
	context.restore();
	if (cursor) drawCursor(context, geometry, cursor, accent);
}

/**
 * @param {readonly import("./tiles.js").Tile[]} tiles
 * @param {Span} visible
 * @param {number} level
 * @returns {import("./tiles.js").Tile[]} the coarse ones first, and no finer ones than can be seen
 */
function seen(tiles, visible, level) {
	return tiles
		.filter(({ place, span }) => place.level >= level && overlap(span, visible))
		.sort((a, b) => b.place.level - a.place.level);
}

/**
 * What is seen of a tile. Its edges lie on pixels of the screen, so that neighbours neither overlap nor part.
 * @param {CanvasRenderingContext2D} context
 * @param {Geometry} geometry
 * @param {import("./tiles.js").Tile} tile
 * @param {OffscreenCanvas} pixels
 */
function drawTile(context, geometry, { span, place, matrix, known }, pixels) {
	const density = window.devicePixelRatio || 1;
	const edge = (/** @type {number} */ at) => Math.round(at * density) / density;
	const size = 2 ** place.level;
	const { firstRow, lastRow, firstColumn, lastColumn } = geometry.visible;
	const bin = (/** @type {number} */ cell, /** @type {number} */ most) => Math.min(Math.max(cell / size, 0), most);
	const left = Math.floor(bin(firstColumn - span.firstColumn, matrix.columns));
	const right = Math.ceil(bin(lastColumn - span.firstColumn, matrix.columns));
	const top = Math.floor(bin(firstRow - span.firstRow, known));
	const bottom = Math.ceil(bin(lastRow - span.firstRow, known));
	if (right <= left || bottom <= top) return;
	const x = edge(geometry.x(span.firstColumn + left * size));
	const y = edge(geometry.y(span.firstRow + top * size));
	const width = edge(geometry.x(span.firstColumn + right * size)) - x;
	const height = edge(geometry.y(span.firstRow + bottom * size)) - y;
	context.clearRect(x, y, width, height);
	context.drawImage(pixels, left, top, right - left, bottom - top, x, y, width, height);
}

/** @param {CanvasRenderingContext2D} context @param {Geometry} geometry @param {Span} cells @param {string} color */
function drawCursor(context, geometry, { firstRow, lastRow, firstColumn, lastColumn }, color) {
	const width = Math.max((lastColumn - firstColumn) * geometry.cellWidth, SMALLEST_FRAME);
	const height = Math.max((lastRow - firstRow) * geometry.cellHeight, SMALLEST_FRAME);
	const x = (geometry.x(firstColumn) + geometry.x(lastColumn) - width) / 2;
	const y = (geometry.y(firstRow) + geometry.y(lastRow) - height) / 2;
	context.save();
	context.beginPath();
	context.rect(-2, -2, geometry.width + 4, geometry.height + 4);
	context.clip();
	for (const [line, style] of /** @type {const} */ ([
		[4, "#fff"],
		[2, color],
	])) {
		context.lineWidth = line;
		context.strokeStyle = style;
		context.strokeRect(x, y, width, height);
	}
	context.restore();
}
