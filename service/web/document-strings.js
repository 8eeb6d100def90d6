/** What the page says of documents: texts too long for whole matrices. */

export const DOCUMENT = {
	hint: "Point at the picture, or use the arrow keys. The wheel, two fingers, + and − zoom; drag to move; 0 shows all.",
	whole: "{count} tokens, more than the {limit} of which whole matrices are shown.",
	bins: "A point is the greatest of {size} × {size} cells: zoom in to see them.",
	cells: "A point is one cell: a query and a key.",
	range: "The colours reach from the least to the greatest number that was computed at this zoom so far.",
	unitRange: "The colours reach from 0 to 1.",
	otherTensor: "Of a document, attention and scores are shown. This is the attention.",
	computing: "Computing…",
	queries: "queries",
	keys: "keys",
	rows: "queries ↓",
	columns: "keys →",
	maximum: "maximum",
	notYet: "not computed yet",
	elsewhere: "This view is for texts of up to {limit} tokens. This one has {count}: look at its heatmap, which zooms.",
	openHeatmap: "Open the heatmap",
};
