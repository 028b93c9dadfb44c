// Package download opens what is on the web.
package download

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// Open returns what is at a URL, to be read and closed. An answer other than 200 is an error.
func Open(ctx context.Context, url string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("the server answers %s", response.Status)
	}
	return response.Body, nil
}
