#!/bin/sh
# gonum/plot v0.17.0: images are upside down in a PDF.
#
# Expected: a figure shows the same in each format that Plot.Save can write. plotter.NewImage puts
# the top row of an image at the top, as its rows are counted from there.
# Seen: an image of a red row above a blue one is red above blue in the PNG file, and blue above red
# in the PDF file: vgpdf draws on a canvas whose y axis is mirrored, and mirrors texts back, but not
# images. An image of the sky has its north in the south, beside axes that are right. (Both files
# are looked at as pixels; pypdfium2 5.15.2 renders the PDF.)
# Exits with an error when both files show the same.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'EOF'
module finding

go 1.26

require gonum.org/v1/plot v0.17.0
EOF
cat > main.go <<'EOF'
package main

import (
	"fmt"
	"image"
	"image/color"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
)

func main() {
	img := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	for x := range 2 {
		img.Set(x, 0, color.NRGBA{R: 255, A: 255})
		img.Set(x, 1, color.NRGBA{B: 255, A: 255})
	}
	p := plot.New()
	p.HideAxes()
	p.Add(plotter.NewImage(img, 0, 0, 2, 2))
	for _, name := range []string{"figure.png", "figure.pdf"} {
		if err := p.Save(100, 100, name); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
}
EOF
GOWORK=off GOFLAGS=-mod=mod go run .
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 pillow==13.0.0 \
    pypdfium2==5.15.2
venv/bin/python - <<'EOF'
import numpy
import pypdfium2
from PIL import Image


def colors(name, pixels):
    """Returns the colors at a quarter and at three quarters of a figure's height."""
    height, width = pixels.shape[:2]
    seen = [("red", "green", "blue")[pixels[height * quarter // 4, width // 2, :3].argmax()]
            for quarter in (1, 3)]
    print(f"{name}: {seen[0]} above {seen[1]}")
    return seen


png = colors("PNG", numpy.asarray(Image.open("figure.png").convert("RGB")))
page = pypdfium2.PdfDocument("figure.pdf")[0]
pdf = colors("PDF", page.render(scale=1, rev_byteorder=True).to_numpy())
if png != ["red", "blue"]:
    raise SystemExit("CHANGED: the PNG file was red above blue")
if pdf != ["blue", "red"]:
    raise SystemExit("CHANGED: the PDF file was blue above red")
print("as stated: the image is upside down in the PDF file")
EOF
