package illustris

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// attempts is how often one thing is asked for, the first time included.
	attempts = 6
	// maxWait is the longest time between two attempts that the client chooses. The archive may ask
	// for a longer one.
	maxWait = time.Minute
	// page is the number of subhalos of a page of the list, and maxPage its largest size in bytes.
	page    = 1000
	maxPage = 1 << 26
)

var errNotFound = errors.New("the archive does not have it (404)")

// fatalError is an error that has nothing to do with one image alone: it ends the download.
type fatalError struct{ error }

func (e fatalError) Unwrap() error { return e.error }

// client asks the archive. Its errors never show the key, nor the addresses of redirects, which
// hold tokens.
type client struct {
	address   *url.URL
	key       string
	http      *http.Client
	firstWait time.Duration
	repeated  func() // is called for each attempt that will be repeated
}

// connect makes the client, if there is none yet.
func (d *download) connect(address *url.URL) error {
	if d.client != nil {
		return nil
	}
	key, err := Key()
	if err != nil {
		return err
	}
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		MaxIdleConnsPerHost: d.Concurrency,
		IdleConnTimeout:     d.timeout,
		// Pictures are compressed already, and a Range counts the bytes that are sent, not those
		// that they expand to.
		DisableCompression: true,
	}
	d.client = &client{
		address: address, key: key, firstWait: d.firstWait,
		http: &http.Client{Transport: keyed{address, key, transport},
			CheckRedirect: checkRedirect},
		repeated: func() { d.update(func() { d.Retries++ }) },
	}
	return nil
}

// keyed adds the key to what is asked of the archive itself. A header of the request would go along
// with redirects, which lead to other hosts: the archive's data servers have tokens of their own in
// the address.
type keyed struct {
	archive *url.URL
	key     string
	next    http.RoundTripper
}

func (k keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == k.archive.Scheme && strings.EqualFold(r.URL.Host, k.archive.Host) {
		r = r.Clone(r.Context())
		r.Header.Set("api-key", k.key)
	}
	return k.next.RoundTrip(r)
}

func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return backoff.Permanent(errors.New("the archive redirects without end"))
	}
	if !private(r.URL) {
		return backoff.Permanent(fmt.Errorf("the archive redirects to %s without https, where "+
			"the image could be changed on the way", r.URL.Host))
	}
	return nil
}

// retry calls try until it succeeds, gives an error that no repetition will change, or has failed
// often enough.
func (c *client) retry(ctx context.Context, try func() error) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval, wait.Multiplier = c.firstWait, maxWait, 2
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := try()
		if _, ok := errors.AsType[fatalError](err); ok {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(wait), backoff.WithMaxTries(attempts),
		backoff.WithNotify(func(error, time.Duration) { c.repeated() }))
	return err
}

// get asks for a path of the archive. It returns the answer if that is one of the statuses 200, 206
// and 416, to be closed, and otherwise an error for retry.
func (c *client) get(ctx context.Context, path, query string, header http.Header) (*http.Response,
	error) {
	u := c.address.JoinPath(path)
	u.RawQuery = query
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, backoff.Permanent(err)
	}
	r.Header = header
	r.Header.Set("User-Agent", "galdecon")
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, c.discreet(err)
	}
	status := resp.StatusCode
	switch status {
	case http.StatusOK, http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable:
		return resp, nil
	}
	// A connection can be used again once all of the answer was read.
	io.CopyN(io.Discard, resp.Body, 1<<12)
	resp.Body.Close()
	answer := fmt.Sprintf("%d %s", status, http.StatusText(status))
	host := resp.Request.URL.Host
	switch {
	case status == http.StatusNotFound || status == http.StatusGone:
		return nil, backoff.Permanent(errNotFound)
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) &&
		strings.EqualFold(host, c.address.Host):
		return nil, fatalError{fmt.Errorf("the archive does not accept your key (%s); %s anew to "+
			"TNG_API_KEY or the file with the key", answer, howToGetKey)}
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		// The token in the address may have expired on the way; the archive gives another one.
		return nil,
			fmt.Errorf("%s, where the archive redirected to, answers %s; the key is not sent there",
				host, answer)
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout ||
		status >= 500:
		err := fmt.Errorf("%s answers %s", host, answer)
		if wait, ok := retryAfter(resp.Header.Get("Retry-After"), time.Now()); ok {
			return nil, fmt.Errorf("%w and asks to %w", err,
				&backoff.RetryAfterError{Duration: wait})
		}
		return nil, err
	}
	return nil, backoff.Permanent(fmt.Errorf("%s answers %s", host, answer))
}

// retryAfter reads the header of that name: a number of seconds or a date (RFC 9110, Section
// 10.2.3).
func retryAfter(value string, now time.Time) (time.Duration, bool) {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	date, err := http.ParseTime(value)
	return max(0, date.Sub(now)), err == nil
}

// discreet returns a network's error without the address, and without the key, should an archive
// repeat it.
func (c *client) discreet(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if strings.Contains(err.Error(), c.key) {
		return errors.New("the archive gives an answer that cannot be read, and that repeats " +
			"your key")
	}
	return err
}

// list returns the numbers of the subhalos above the least mass, those with the most stars first.
func (d *download) list(ctx context.Context) ([]int, error) {
	query := url.Values{
		"limit":          {strconv.Itoa(page)},
		"order_by":       {"-mass_stars"},
		"mass_stars__gt": {strconv.FormatFloat(d.MinMass, 'g', -1, 64)},
	}.Encode()
	var ids []int
	for {
		var next string
		err := d.client.retry(ctx, func() error {
			subhalos, err := d.subhalos(ctx, query)
			if err != nil {
				return err
			}
			for _, s := range subhalos.Results {
				ids = append(ids, s.ID)
			}
			next = subhalos.Next
			return nil
		})
		if errors.Is(err, errNotFound) {
			return nil, fmt.Errorf("the archive has no simulation %s with a snapshot %d (404); "+
				"check the names at https://www.tng-project.org/data/", d.Simulation, d.Snapshot)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot list the subhalos: %w", err)
		}
		if d.Limit > 0 && len(ids) >= d.Limit {
			return ids[:d.Limit], nil
		}
		if next == "" {
			break
		}
		// Only the query counts: the archive's links are http, and might lead anywhere.
		link, err := url.Parse(next)
		if err != nil || link.RawQuery == query {
			return nil, errors.New("cannot list the subhalos: the archive's link to the next " +
				"page is damaged, or leads nowhere new")
		}
		query = link.RawQuery
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("the archive lists no subhalos of %s, snapshot %d, with a stellar "+
			"mass above %g x 10¹⁰ M☉/h; choose a lower one", d.Simulation, d.Snapshot, d.MinMass)
	}
	return ids, nil
}

// subhalos is a page of the archive's list.
type subhalos struct {
	Next    string `json:"next"`
	Results []struct {
		ID int `json:"id"`
	} `json:"results"`
}

func (d *download) subhalos(ctx context.Context, query string) (*subhalos, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	resp, err := d.client.get(ctx, d.path(), query, http.Header{})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	out := &subhalos{}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxPage)).Decode(out); err != nil {
		return nil, fmt.Errorf("what arrives is not a whole list in JSON: %w",
			d.client.discreet(err))
	}
	for _, s := range out.Results {
		if s.ID < 0 {
			return nil,
				backoff.Permanent(fmt.Errorf("the list has a subhalo with the number %d", s.ID))
		}
	}
	return out, nil
}

// path returns that of the snapshot's subhalos at the archive.
func (d *download) path() string {
	return fmt.Sprintf("api/%s/snapshots/%d/subhalos/", d.Simulation, d.Snapshot)
}
