package illustris_test

import (
	"context"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"galdecon/galdecon/galaxy/illustris"
)

// Three galaxies are asked for, of which the archive has no image of one. The archive here is a
// server on this machine; without an Address it is the real one, which needs a key of your own.
func ExampleDownload() {
	archive := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/Illustris-1/snapshots/135/subhalos/2/stellar_mocks/image_subhalo.png" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "image/png")
		png.Encode(w, image.NewRGBA(image.Rect(0, 0, 128, 128)))
	}))
	defer archive.Close()
	os.Setenv("TNG_API_KEY", "the-key-of-the-example")
	defer os.Unsetenv("TNG_API_KEY")
	dir, err := os.MkdirTemp("", "illustris")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	config := illustris.Config{IDs: []int{1, 2, 3}, Address: archive.URL}
	p, err := illustris.Download(context.Background(), config, dir, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d images, %d without one\n", p.Downloaded, p.Missing)
	files, _ := filepath.Glob(filepath.Join(dir, "*.png"))
	for _, file := range files {
		fmt.Println(filepath.Base(file))
	}
	// Output:
	// 2 images, 1 without one
	// Illustris-1_135_1.png
	// Illustris-1_135_3.png
}
