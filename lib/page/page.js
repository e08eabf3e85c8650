'use strict';
// Tables sort by the button in a column's head: numbers as such, other cells as text; once more: the other way round.
for (const button of document.querySelectorAll('th button')) {
	button.addEventListener('click', () => {
		const head = button.parentElement, table = head.closest('table'), body = table.tBodies[0];
		const column = head.cellIndex, falling = head.getAttribute('aria-sort') === 'ascending';
		const value = (row) => {
			const text = row.cells[column].textContent.trim().replace('\u2212', '-');
			return head.classList.contains('num') ? (text === '' || isNaN(text) ? -Infinity : Number(text)) : text;
		};
		const order = (a, b) => {
			const x = value(a), y = value(b);
			return typeof x === 'number' ? (x > y) - (x < y) : x.localeCompare(y, undefined, {numeric: true});
		};
		const rows = Array.from(body.rows).sort((a, b) => falling ? order(b, a) : order(a, b));
		body.append(...rows);
		for (const other of table.tHead.querySelectorAll('[aria-sort]')) other.removeAttribute('aria-sort');
		head.setAttribute('aria-sort', falling ? 'descending' : 'ascending');
	});
}
// On paper nothing can be unfolded.
addEventListener('beforeprint', () => {
	for (const d of document.querySelectorAll('details:not([open])')) {
		d.open = true;
		d.dataset.closed = '';
	}
});
addEventListener('afterprint', () => {
	for (const d of document.querySelectorAll('details[data-closed]')) {
		d.open = false;
		delete d.dataset.closed;
	}
});
