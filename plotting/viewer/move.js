// place returns where an event is: in pixels of the image, and how many CSS pixels one of them has.
View.prototype.place = function (event) {
	const box = event.target.getBoundingClientRect();
	const scale = box.width / this.data.width * this.zoom;
	return {
		scale,
		x: this.x + (event.clientX - box.left - box.width / 2) / scale,
		y: this.y + (event.clientY - box.top - box.height / 2) / scale,
	};
};

// look moves the view to a place, within the images.
View.prototype.look = function (x, y, zoom = this.zoom) {
	const { width, height } = this.data;
	this.zoom = Math.min(Math.max(zoom, 1), maxZoom);
	const within = (v, size) => {
		const half = size / this.zoom / 2;
		return Math.min(Math.max(v, half), size - half);
	};
	[this.x, this.y] = [within(x, width), within(y, height)];
	// A finger scrolls the page where there's nothing to pan.
	this.area.style.touchAction = this.zoom === 1 ? "pan-x pan-y" : "none";
	this.show();
};

// zoomAt zooms by a factor, and lets a place stay where it is.
View.prototype.zoomAt = function (place, factor) {
	const zoom = Math.min(Math.max(this.zoom * factor, 1), maxZoom);
	const part = 1 - this.zoom / zoom;
	this.look(this.x + (place.x - this.x) * part, this.y + (place.y - this.y) * part, zoom);
};

View.prototype.point = function (place) {
	const { width, height } = this.data;
	const [x, y] = [Math.floor(place.x), Math.floor(place.y)];
	this.cursor = x >= 0 && x < width && y >= 0 && y < height ? { x, y } : null;
	this.show();
};

// moving connects the pointer, the wheel and the keys.
View.prototype.moving = function () {
	const area = this.area;
	const fingers = new Map();
	const canvas = (event) => event.target instanceof HTMLCanvasElement;
	area.addEventListener("pointerdown", (event) => {
		if (!canvas(event) || event.button !== 0) {
			return;
		}
		event.target.setPointerCapture(event.pointerId);
		fingers.set(event.pointerId, event);
		area.classList.add("dragging");
	});
	const lift = (event) => {
		fingers.delete(event.pointerId);
		area.classList.toggle("dragging", fingers.size > 0);
	};
	area.addEventListener("pointerup", lift);
	area.addEventListener("pointercancel", lift);
	area.addEventListener("pointermove", (event) => {
		if (!canvas(event)) {
			return;
		}
		const before = fingers.get(event.pointerId);
		if (before) {
			const { scale } = this.place(event);
			const share = 1 / fingers.size;
			const dx = (event.clientX - before.clientX) * share / scale;
			const dy = (event.clientY - before.clientY) * share / scale;
			const other = [...fingers.values()].find((f) => f.pointerId !== event.pointerId);
			if (other) {
				const apart = (e) => Math.hypot(e.clientX - other.clientX, e.clientY - other.clientY);
				this.zoomAt(this.place(other), apart(event) / Math.max(apart(before), 1));
			}
			this.look(this.x - dx, this.y - dy);
			fingers.set(event.pointerId, event);
		}
		this.point(this.place(event));
	});
	area.addEventListener("pointerleave", () => {
		this.cursor = null;
		this.show();
	});
	// The wheel scrolls the page, unless the pictures were clicked at, or a pad is pinched.
	area.addEventListener("wheel", (event) => {
		if (!canvas(event) || !event.ctrlKey && this.root.activeElement !== area) {
			return;
		}
		event.preventDefault();
		const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
		const speed = event.ctrlKey ? 0.01 : 0.002;
		this.zoomAt(this.place(event), Math.exp(-event.deltaY * lines * speed));
		this.point(this.place(event));
	}, { passive: false });
	area.addEventListener("dblclick", () => this.whole());
	area.addEventListener("keydown", (event) => this.key(event));
	// The notebook takes keys for itself, such as the arrows, that what has the focus needs.
	this.root.addEventListener("keydown", (event) => {
		const command = event.ctrlKey || event.metaKey || event.altKey || event.key === "Escape" ||
			event.key === "Enter" && event.shiftKey;
		if (!command) {
			event.stopPropagation();
		}
	});
};

// key does what a key is for, where the pictures have the focus.
View.prototype.key = function (event) {
	if (event.ctrlKey || event.metaKey || event.altKey) {
		return;
	}
	const step = Math.max(this.data.width / this.zoom / 10, 1);
	const pan = (dx, dy) => () => {
		// Without room to pan, or with Shift, the pixel that is read moves.
		const { width, height } = this.data;
		if (this.zoom === 1 || event.shiftKey) {
			const at = this.cursor ?? { x: Math.floor(this.x), y: Math.floor(this.y) };
			this.point({
				x: Math.min(Math.max(at.x + dx, 0), width - 1),
				y: Math.min(Math.max(at.y + dy, 0), height - 1),
			});
		} else {
			this.look(this.x + step * dx, this.y + step * dy);
			this.point(this);
		}
	};
	const zoom = (factor) => () => {
		this.zoomAt(this, factor);
		this.point(this);
	};
	const candidate = (by) => () => {
		this.play(false);
		this.choose(Math.round(this.candidate) + by);
	};
	const act = {
		ArrowLeft: pan(-1, 0), ArrowRight: pan(1, 0), ArrowUp: pan(0, -1), ArrowDown: pan(0, 1),
		"+": zoom(1.5), "=": zoom(1.5), "-": zoom(1 / 1.5), "0": () => this.whole(),
		"[": candidate(-1), "]": candidate(1), " ": () => this.play(),
	}[event.key];
	if (!act) {
		return;
	}
	event.preventDefault();
	act();
	// Spoken after the keys, not after each move of the mouse.
	clearTimeout(this.speaking);
	this.speaking = setTimeout(() => {
		this.element(".spoken").textContent = [this.element(".chosen").textContent, this.spoken]
			.filter(Boolean).join("; ");
	}, 300);
};
