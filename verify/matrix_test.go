package verify

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	neturl "net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"keysweep/finding"
	"keysweep/rules"
)

// fault is how the API of the world answers badly.
type fault func(w *world, rw http.ResponseWriter, r *http.Request, key string)

// matrixRow is one line of the verification matrix.
type matrixRow struct {
	name  string
	state string // what the API knows of the key; see martis
	// fault answers instead of the API: for every key of ours and, if
	// always is set, for made-up keys, too.
	fault  fault
	always bool
	tls    func(*tls.Config)
	setup  func(w *world) // changes the world instead of starting the host
	change func(f *finding.Finding)

	status   finding.Status
	code     finding.StatusCode
	requests int // with the key
	waits    time.Duration
}

func status(code int, header ...string) fault {
	return func(_ *world, rw http.ResponseWriter, _ *http.Request, _ string) {
		for i := 0; i < len(header); i += 2 {
			rw.Header().Set(header[i], header[i+1])
		}
		answer(rw, code, `{"status":"error","message":"no"}`)
	}
}

func page(code int) fault {
	return func(_ *world, rw http.ResponseWriter, _ *http.Request, _ string) {
		rw.Header().Set("Content-Type", "text/html")
		rw.WriteHeader(code)
		fmt.Fprint(rw, `<html><body>{"status":"error","message":"Request blocked"}</body></html>`)
	}
}

func says(code int, text string) fault {
	return func(_ *world, rw http.ResponseWriter, _ *http.Request, _ string) { answer(rw, code, text) }
}

// hijacked writes text to the connection and ends it.
func hijacked(text string, reset bool) fault {
	return func(_ *world, rw http.ResponseWriter, _ *http.Request, _ string) {
		c, _, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(c, text)
		if reset {
			_ = c.(*tls.Conn).NetConn().(*net.TCPConn).SetLinger(0)
			_ = c.(*tls.Conn).NetConn().Close()
			return
		}
		_ = c.Close()
	}
}

// kept writes text to the connection and waits for the client to end it.
func kept(text string) fault {
	return func(_ *world, rw http.ResponseWriter, _ *http.Request, _ string) {
		c, _, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(c, text)
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	}
}

// stream writes text again and again until the client goes away.
func stream(kind, head, text string, pause time.Duration) fault {
	return func(_ *world, rw http.ResponseWriter, r *http.Request, _ string) {
		rw.Header().Set("Content-Type", kind)
		fmt.Fprint(rw, head)
		for r.Context().Err() == nil {
			if _, err := fmt.Fprint(rw, text); err != nil {
				return
			}
			if pause > 0 {
				rw.(http.Flusher).Flush()
				time.Sleep(pause)
			}
		}
	}
}

func redirect(code int, to string) fault {
	return func(w *world, rw http.ResponseWriter, r *http.Request, _ string) { http.Redirect(rw, r, to, code) }
}

var bomb = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(`{"data":"`))
	_, _ = z.Write(make([]byte, 8<<20))
	_ = z.Close()
	return b.Bytes()
})

func gzipBomb(_ *world, rw http.ResponseWriter, _ *http.Request, _ string) {
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Content-Encoding", "gzip")
	_, _ = rw.Write(bomb())
}

// raw serves bytes on the connection, whatever was asked.
func raw(secure bool, text string) func(w *world) {
	return func(w *world) {
		w.raw(martisLive, secure, func(c net.Conn) {
			if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				w.see(martisLive, r)
			}
			_, _ = io.WriteString(c, text)
		})
	}
}

// proxied sends the requests of a world through a proxy that serve plays.
func proxied(serve func(w *world, c net.Conn)) func(w *world) {
	return func(w *world) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() { defer c.Close(); serve(w, c) }()
			}
		}()
		w.opts.proxy = func(*http.Request) (*neturl.URL, error) {
			return &neturl.URL{Scheme: "http", Host: l.Addr().String()}, nil
		}
	}
}

// connect reads a CONNECT request.
func connect(c net.Conn) *http.Request {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return nil
	}
	return r
}

func matrix() []matrixRow {
	hour := time.Hour
	short := func(w *world) { w.opts.timeout = 200 * time.Millisecond }
	return []matrixRow{
		{name: "200 JSON", state: "active", status: finding.Active, code: finding.CodeAccepted, requests: 1},
		{name: "201 JSON", fault: says(201, `{"status":"success"}`), status: finding.Active, code: finding.CodeAccepted, requests: 1},
		{name: "200 JSON array", fault: says(200, `[]`), status: finding.Active, code: finding.CodeAccepted, requests: 1},
		{name: "200 with a list of 2 MiB", fault: func(_ *world, rw http.ResponseWriter, _ *http.Request, _ string) {
			answer(rw, 200, `{"data":["`+strings.Repeat("x", 2<<20)+`"]}`)
		}, status: finding.Active, code: finding.CodeAccepted, requests: 1},
		{name: "403 insufficient permissions", state: "restricted", status: finding.Restricted, code: finding.CodeInsufficientPermissions, requests: 1},
		{name: "403 account not activated", state: "not activated", status: finding.Restricted, code: finding.CodeAccountNotActivated, requests: 1},
		{name: "403 address not on the list", state: "allowlist", status: finding.Restricted, code: finding.CodeIPNotAllowed, requests: 1},
		{name: "401 address not on the list", state: "allowlist 401", status: finding.Restricted, code: finding.CodeIPNotAllowed, requests: 1},
		{name: "401 expired", state: "expired", status: finding.Inactive, code: finding.CodeExpired, requests: 1},
		{name: "401 not recognised, issuer known by host", status: finding.Inactive, code: finding.CodeNotRecognised, requests: 1},
		{name: "401 not recognised, issuer known by name", change: func(f *finding.Finding) { f.IssuerStrength = finding.StrengthStrong },
			status: finding.Unknown, code: finding.CodeNotRecognised, requests: 1},
		{name: "401 expired, issuer known by name", state: "expired", change: func(f *finding.Finding) { f.IssuerStrength = finding.StrengthStrong },
			status: finding.Inactive, code: finding.CodeExpired, requests: 1},
		{name: "401 invalid or expired, issuer known by name", fault: says(401, `{"status":"error","message":"Invalid, expired, or missing API key"}`),
			change: func(f *finding.Finding) { f.IssuerStrength = finding.StrengthStrong }, status: finding.Unknown, code: finding.CodeNotRecognised, requests: 1},
		{name: "401 revoked", fault: says(401, `{"status":"fail","message":"This key has been revoked."}`), status: finding.Inactive, code: finding.CodeExpired, requests: 1},
		{name: "401 address refused in other words", fault: says(401, `{"status":"error","message":"Your IP is blocked"}`), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "401 from a service that is down", fault: says(401, `{"status":"error","message":"Authentication service unavailable, try again"}`), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "401 from a proxy, in the API's envelope", fault: says(401, `{"status":"error","message":"Proxy authentication required: session expired"}`), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "401 without words", fault: says(401, `{"status":"error","message":""}`), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "403 from a security policy, in the API's envelope", fault: says(403, `{"status":"error","message":"Request blocked by security policy"}`), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "403 that calls the key invalid", fault: says(403, `{"status":"error","message":"Invalid API key"}`), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "401 that goes on after the refusal", fault: says(401, `{"status":"error","message":"Invalid or missing API key: the service is in maintenance"}`), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "200 with a list that ends in a failure", fault: func(_ *world, rw http.ResponseWriter, _ *http.Request, _ string) {
			answer(rw, 200, `{"data":["`+strings.Repeat("x", 2<<20)+`"],"success":false}`)
		}, status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "200 with a list of 5 MiB", fault: func(_ *world, rw http.ResponseWriter, _ *http.Request, _ string) {
			answer(rw, 200, `{"data":["`+strings.Repeat("x", 5<<20)+`"]}`)
		}, status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "200 that is an error", fault: says(200, `{"status":"error","message":"API key expired"}`), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "200 with an error", fault: says(200, `{"error":"unauthorized"}`), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "101, connection kept open", fault: kept("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "401 in the other envelope", fault: says(401, `{"status":"fail","data":{"message":"Invalid or missing API key"}}`), status: finding.Inactive, code: finding.CodeNotRecognised, requests: 1},
		{name: "403 in the other envelope, without words", fault: says(403, `{"status":"fail","data":{"permission":"charges"}}`), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "401 with no code or message", fault: says(401, `{"status":"error"}`), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "a sandbox key, and the sandbox cannot be found", change: func(f *finding.Finding) { f.Environment = finding.Sandbox },
			setup:  func(w *world) { w.at(martisTest, ""); w.host(martisLive, martis(nil), nil) },
			status: finding.Unknown, code: finding.CodeDNS, requests: 0},

		{name: "200 HTML (captive portal)", fault: page(200), always: true, status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "200 JSON for every key (another service)", fault: says(200, `{"hello":"world"}`), always: true, status: finding.Unknown, code: finding.CodeAcceptsAnything, requests: 1},
		{name: "403 JSON envelope for every key", fault: says(403, `{"status":"error","message":"Insufficient permissions for this action"}`), always: true, status: finding.Unknown, code: finding.CodeAcceptsAnything, requests: 1},
		{name: "200 JSON, and no clear answer about the made-up key", fault: func(w *world, rw http.ResponseWriter, r *http.Request, key string) {
			if w.ours(key) {
				answer(rw, 200, `{}`)
			} else {
				page(403)(w, rw, r, key)
			}
		}, always: true, status: finding.Unknown, code: finding.CodeControlFailed, requests: 1},
		{name: "200 with a JSON string", fault: says(200, `"ok"`), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "200 empty", fault: says(200, ""), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "200 with two JSON documents", fault: says(200, `{}{}`), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "204", fault: func(_ *world, rw http.ResponseWriter, _ *http.Request, _ string) { rw.WriteHeader(204) },
			status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "403 HTML (firewall)", fault: page(403), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "403 JSON of another service", fault: says(403, `{"message":"Forbidden"}`), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "403 envelope as text/plain", fault: func(_ *world, rw http.ResponseWriter, _ *http.Request, _ string) {
			rw.Header().Set("Content-Type", "text/plain")
			rw.WriteHeader(403)
			fmt.Fprint(rw, `{"status":"error","message":"Insufficient permissions"}`)
		}, status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "403 envelope, a field twice", fault: says(403, `{"status":"ok","status":"error","message":"no"}`), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "401 HTML", fault: page(401), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "401 empty", fault: says(401, ""), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "401 JSON of another service", fault: says(401, `{"error":"unauthorized"}`), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "401 envelope cut in the middle", fault: says(401, `{"status":"error","message":"Inv`), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "400 envelope", fault: status(400), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "404 envelope", fault: status(404), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "422 envelope", fault: status(422), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "407 from the host", fault: status(407), status: finding.Unknown, code: finding.CodeProxy, requests: 1},

		{name: "301 to the same host", fault: redirect(301, "/elsewhere"), status: finding.Unknown, code: finding.CodeRedirected, requests: 1},
		{name: "302 to the sandbox host", fault: redirect(302, "https://api-staging.martis.id/api/v1/payments/charges"), status: finding.Unknown, code: finding.CodeRedirected, requests: 1},
		{name: "303 to another host", fault: redirect(303, "https://evil.example/"), status: finding.Unknown, code: finding.CodeRedirected, requests: 1},
		{name: "307 to plain http", fault: redirect(307, "http://api.martis.id/api/v1/payments/charges"), status: finding.Unknown, code: finding.CodeRedirected, requests: 1},
		{name: "308 to another port", fault: redirect(308, "https://api.martis.id:8443/"), status: finding.Unknown, code: finding.CodeRedirected, requests: 1},
		{name: "300 without an address", fault: status(300), status: finding.Unknown, code: finding.CodeRedirected, requests: 1},

		{name: "429", fault: status(429), status: finding.Unknown, code: finding.CodeRateLimited, requests: 3},
		{name: "429, Retry-After 20 s", fault: status(429, "Retry-After", "20"), status: finding.Unknown, code: finding.CodeRateLimited, requests: 3, waits: 40 * time.Second},
		{name: "429, Retry-After at a date", fault: status(429, "Retry-After", "Fri, 01 May 2026 12:00:25 GMT"), status: finding.Unknown, code: finding.CodeRateLimited, requests: 3, waits: 25 * time.Second},
		{name: "429, Retry-After a day", fault: status(429, "Retry-After", "86400"), status: finding.Unknown, code: finding.CodeRateLimited, requests: 1},
		{name: "429, Retry-After 30 digits", fault: status(429, "Retry-After", strings.Repeat("9", 30)), status: finding.Unknown, code: finding.CodeRateLimited, requests: 1},
		{name: "429, Retry-After nonsense", fault: status(429, "Retry-After", "-5, soon"), status: finding.Unknown, code: finding.CodeRateLimited, requests: 3},
		{name: "429 once, then 200", fault: first(1, status(429)), status: finding.Active, code: finding.CodeAccepted, requests: 2},
		{name: "500", fault: status(500), status: finding.Unknown, code: finding.CodeServerError, requests: 3},
		{name: "502 HTML", fault: page(502), status: finding.Unknown, code: finding.CodeServerError, requests: 3},
		{name: "503, Retry-After a day", fault: status(503, "Retry-After", "86400"), status: finding.Unknown, code: finding.CodeServerError, requests: 1},
		{name: "504 twice, then 200", fault: first(2, status(504)), status: finding.Active, code: finding.CodeAccepted, requests: 3},

		{name: "reset before the answer", fault: hijacked("", true), status: finding.Unknown, code: finding.CodeConnection, requests: 3},
		{name: "closed before the answer", fault: hijacked("", false), status: finding.Unknown, code: finding.CodeConnection, requests: 3},
		{name: "reset once, then 200", fault: first(1, hijacked("", true)), status: finding.Active, code: finding.CodeAccepted, requests: 2},
		{name: "reset within the header", fault: hijacked("HTTP/1.1 200 OK\r\nContent-", true), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "half a body, then closed", fault: hijacked("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"status\":\"success\"}", false), status: finding.Unknown, code: finding.CodeConnection, requests: 1},
		{name: "half a chunked body, then reset", fault: hijacked("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", true), status: finding.Unknown, code: finding.CodeConnection, requests: 1},
		{name: "endless body of one token", fault: stream("application/json", `{"status":"error"}`, strings.Repeat("x", 4096), 0), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "endless spaces", fault: stream("application/json", "", strings.Repeat(" ", 4096), 0), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "endless JSON for every key", fault: stream("application/json", `{"data":["`, strings.Repeat("x", 4096), 0), always: true, status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "endless brackets", fault: stream("application/json", "", strings.Repeat("[", 4096), 0), always: true, status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "endless header", fault: func(w *world, rw http.ResponseWriter, r *http.Request, key string) {
			hijacked("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20)+"\r\n", false)(w, rw, r, key)
		}, status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "gzip bomb, not asked for", fault: gzipBomb, status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "slow drip", fault: stream("application/json", "", " ", 20*time.Millisecond), setup: short, status: finding.Unknown, code: finding.CodeTimeout, requests: 1},
		{name: "no answer", fault: kept(""), setup: short,
			status: finding.Unknown, code: finding.CodeTimeout, requests: 1},
		{name: "not HTTP", setup: raw(true, "220 smtp.example ESMTP\r\n"), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "HTTP/2 GOAWAY after HTTP/1.1 was negotiated", setup: raw(true, "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
			status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "a host that prefers HTTP/2", state: "active", tls: func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} },
			status: finding.Active, code: finding.CodeAccepted, requests: 1},
		{name: "connection refused", setup: func(w *world) { w.at(martisLive, closedPort(w.t)) }, status: finding.Unknown, code: finding.CodeConnection},
		{name: "closed during the handshake", setup: func(w *world) { w.raw(martisLive, false, func(net.Conn) {}) }, status: finding.Unknown, code: finding.CodeConnection},
		{name: "silent during the handshake", setup: func(w *world) {
			short(w)
			w.raw(martisLive, false, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
		}, status: finding.Unknown, code: finding.CodeTimeout},
		{name: "name does not exist", setup: func(w *world) { w.at(martisLive, "") }, status: finding.Unknown, code: finding.CodeDNS},

		{name: "plain HTTP instead of TLS", setup: raw(false, "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n\r\n{\"status\":\"error\",\"message\":\"Invalid\"}"),
			status: finding.Unknown, code: finding.CodeTLS},
		{name: "certificate of an unknown authority", state: "active", tls: func(c *tls.Config) {
			c.Certificates = []tls.Certificate{strangeAuthority().certificate("api.martis.id", time.Now().Add(-hour), time.Now().Add(hour))}
		}, status: finding.Unknown, code: finding.CodeTLS},
		{name: "certificate of another host", state: "active", tls: func(c *tls.Config) {
			c.Certificates = []tls.Certificate{leaf("portal.example")}
		}, status: finding.Unknown, code: finding.CodeTLS},
		{name: "certificate that has expired", state: "active", tls: func(c *tls.Config) {
			c.Certificates = []tls.Certificate{trustedAuthority().certificate("api.martis.id", time.Now().Add(-2*hour), time.Now().Add(-hour))}
		}, status: finding.Unknown, code: finding.CodeTLS},
		{name: "certificate valid in two years (wrong clock)", state: "active", tls: func(c *tls.Config) {
			c.Certificates = []tls.Certificate{trustedAuthority().certificate("api.martis.id", time.Now().Add(2*365*24*hour), time.Now().Add(3*365*24*hour))}
		}, status: finding.Unknown, code: finding.CodeTLS},
		{name: "TLS 1.1 only", state: "active", tls: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
			status: finding.Unknown, code: finding.CodeTLS},
		{name: "TLS 1.2 only", state: "active", tls: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
			status: finding.Active, code: finding.CodeAccepted, requests: 1},

		{name: "proxy: 407", setup: proxied(func(_ *world, c net.Conn) {
			connect(c)
			_, _ = io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
		}), status: finding.Unknown, code: finding.CodeProxy},
		{name: "proxy: 403 with the API's envelope", setup: proxied(func(_ *world, c net.Conn) {
			connect(c)
			_, _ = io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: 57\r\n\r\n{\"status\":\"error\",\"message\":\"Insufficient permissions .\"}")
		}), status: finding.Unknown, code: finding.CodeProxy},
		{name: "proxy: down", setup: func(w *world) {
			address := closedPort(w.t)
			w.opts.proxy = func(*http.Request) (*neturl.URL, error) { return &neturl.URL{Scheme: "http", Host: address}, nil }
		}, status: finding.Unknown, code: finding.CodeProxy},
		{name: "proxy: not an address", setup: func(w *world) {
			w.opts.proxy = func(*http.Request) (*neturl.URL, error) { return nil, fmt.Errorf("invalid proxy address %q", "::") }
		}, status: finding.Unknown, code: finding.CodeProxy},
		{name: "proxy: intercepts with its own certificate", setup: proxied(func(_ *world, c net.Conn) {
			connect(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{strangeAuthority().certificate("api.martis.id", time.Now().Add(-hour), time.Now().Add(hour))}})
			_, _ = io.Copy(io.Discard, s)
		}), status: finding.Unknown, code: finding.CodeTLS},
		{name: "proxy: answers CONNECT and then in plain HTTP", setup: proxied(func(_ *world, c net.Conn) {
			connect(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			_, _ = c.Read(make([]byte, 1))
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
			_, _ = io.Copy(io.Discard, c)
		}), status: finding.Unknown, code: finding.CodeTLS},
		{name: "proxy: passes through", state: "active", setup: proxied(func(w *world, c net.Conn) {
			r := connect(c)
			if r == nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			to, err := w.dial(context.Background(), "tcp", r.Host)
			if err != nil {
				return
			}
			defer to.Close()
			go func() { _, _ = io.Copy(to, c) }()
			_, _ = io.Copy(c, to)
		}), status: finding.Active, code: finding.CodeAccepted, requests: 1},

		{name: "the answer echoes the key", fault: echo(func(key string) string { return key }), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "… in base64", fault: echo(func(key string) string { return base64.StdEncoding.EncodeToString([]byte("x" + key)) }), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "… in percent-encoding", fault: echo(func(key string) string {
			text := ""
			for _, c := range []byte(key) {
				text += fmt.Sprintf("%%%02X", c)
			}
			return text
		}), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "… with spaces between its characters", fault: echo(func(key string) string { return strings.Join(strings.Split(key, ""), " ") }), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "… backwards", fault: echo(reversed), status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
		{name: "… in a header and the status line", fault: func(w *world, rw http.ResponseWriter, r *http.Request, key string) {
			hijacked("HTTP/1.1 418 "+key+"\r\nX-Key: "+key+"\r\nLocation: https://"+key+".example/\r\nContent-Length: 0\r\nContent-Type: "+key+"\r\n\r\n", false)(w, rw, r, key)
		}, status: finding.Unknown, code: finding.CodeUnexpectedAnswer, requests: 1},
	}
}

func echo(form func(string) string) fault {
	return func(_ *world, rw http.ResponseWriter, _ *http.Request, key string) {
		answer(rw, 401, fmt.Sprintf(`{"status":"error","message":"Invalid key: %s !"}`, form(key)))
	}
}

// first answers a key with f the first n times and then that it is active.
func first(n int, f fault) fault {
	return func(w *world, rw http.ResponseWriter, r *http.Request, key string) {
		w.mu.Lock()
		seen := 0
		for _, s := range w.saw[key] {
			seen += s
		}
		w.mu.Unlock()
		if seen <= n {
			f(w, rw, r, key)
		} else {
			answer(rw, 200, `{}`)
		}
	}
}

func closedPort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// ours reports whether key is one of the test's, and not made up.
func (w *world) ours(key string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.keys[key]
}

// play runs one row with n keys.
func (row *matrixRow) play(t *testing.T, n int) (*world, []*finding.Finding) {
	w := newWorld(t)
	w.opts.Total = time.Hour // on the clock of the world, which waits move
	var list []*finding.Finding
	states := map[string]string{}
	for i := range n {
		f := martisKey(uint64(i))
		if row.change != nil {
			row.change(f)
		}
		states[f.Secret.Reveal()] = row.state
		w.keys[f.Secret.Reveal()] = true
		list = append(list, f)
	}
	w.at("evil.example:443", "")
	w.at(martisLive, "")
	if row.setup == nil || row.fault != nil || row.state != "" {
		faithful := martis(states)
		w.host(martisLive, func(rw http.ResponseWriter, r *http.Request, key string) {
			if row.fault != nil && (row.always || w.ours(key)) {
				row.fault(w, rw, r, key)
				return
			}
			faithful(rw, r, key)
		}, row.tls)
	}
	if row.setup != nil {
		row.setup(w)
	}
	w.run(context.Background(), list...)
	return w, list
}

// TestMatrix holds the verification matrix: what each fault on the way, or of
// the API, makes of a key. Run with -v it prints the table.
func TestMatrix(t *testing.T) {
	var table, short strings.Builder
	short.WriteString("| fault | status | code | times the key was sent |\n|---|---|---|---|\n")
	wrong := 0
	for _, row := range matrix() {
		t.Run(row.name, func(t *testing.T) {
			w, list := row.play(t, 1)
			f := list[0]
			code, words, _ := strings.Cut(f.StatusReason, ": ")
			if f.Status != row.status || code != string(row.code) {
				wrong++
				t.Errorf("got %v, %s, want %v, %s", f.Status, f.StatusReason, row.status, row.code)
			}
			if got := w.requests(f); got != row.requests {
				t.Errorf("the key was sent %d times, want %d", got, row.requests)
			}
			if w.slept < row.waits || row.waits == 0 && w.slept > 10*time.Second {
				t.Errorf("waited %v, want %v", w.slept, row.waits)
			}
			if f.CheckedAt.IsZero() {
				t.Error("no time of the check")
			}
			fmt.Fprintf(&table, "| %s | `%s` | `%s` | %d | %s |\n", row.name, f.Status, code, w.requests(f), words)
			fmt.Fprintf(&short, "| %s | `%s` | `%s` | %d |\n", row.name, f.Status, code, w.requests(f))
		})
	}
	t.Logf("\n| fault | status | code | times the key was sent | words |\n|---|---|---|---|---|\n%s", table.String())
	t.Logf("wrong verdicts: %d of %d", wrong, len(matrix()))
	if t.Failed() {
		return
	}
	document := textOf(t, matrixFile)
	const begin, end = "<!-- matrix -->\n", "<!-- end of matrix -->"
	before, rest, ok1 := strings.Cut(document, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatal(matrixFile, " has no room for the matrix")
	}
	if want := before + begin + short.String() + end + after; want != document {
		if !*update {
			t.Fatal("the matrix in ", matrixFile, " is out of date; go test ./verify -run Matrix -update writes it")
		}
		if err := os.WriteFile(matrixFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	documentFile = "../docs/verification.md"
	matrixFile   = "../docs/internals/verification.md"
)

var update = flag.Bool("update", false, "write the matrix into docs/internals/verification.md")

func textOf(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestTheDocumentIsRight: every code is explained, every issuer listed, and
// the rule of its example loads.
func TestTheDocumentIsRight(t *testing.T) {
	document := textOf(t, documentFile)
	source, err := os.ReadFile("../finding/statuscode.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`StatusCode = "([a-z_]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(codes) < 20 {
		t.Fatalf("%d codes", len(codes))
	}
	for _, code := range codes {
		if !strings.Contains(document, "\n| `"+code[1]+"` |") {
			t.Errorf("the code %s is not explained", code[1])
		}
	}
	for _, rule := range built().Rules() {
		if rule.Probe != nil && !strings.Contains(document, "\n| "+rule.Name) {
			t.Errorf("%s is not listed", rule.Name)
		}
		if rule.Probe != nil && !strings.Contains(document, "`GET "+rule.Probe.Endpoints[finding.Production].RequestURI()+"`") {
			t.Errorf("the request to %s is not listed", rule.Name)
		}
	}
	_, example, ok := strings.Cut(document, "```toml\n")
	example, _, ok2 := strings.Cut(example, "```\n")
	if !ok || !ok2 {
		t.Fatal("no example")
	}
	file := filepath.Join(t.TempDir(), "rules.toml")
	if err := os.WriteFile(file, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := rules.Load([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	if p := set.RuleOf("acme-token", "acme").Probe; p == nil || len(p.Answers) != 3 {
		t.Errorf("got %+v", p)
	}
	var record Record
	_, line, _ := strings.Cut(document, "```json\n")
	line, _, _ = strings.Cut(line, "\n")
	decoder := json.NewDecoder(strings.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&record); err != nil || record.Host != "api.martis.id" {
		t.Errorf("the line of the egress log: %v, %+v", err, record)
	}
}

// TestMatrixWithManyKeys: what a fault does to one key it does to many, each
// sent no more often, and a host that is down is left alone.
func TestMatrixWithManyKeys(t *testing.T) {
	const many = 8
	for _, row := range matrix() {
		if row.name == "slow drip" || row.name == "no answer" || strings.HasPrefix(row.name, "silent") {
			continue // each of many would wait
		}
		large := strings.HasPrefix(row.name, "endless") || strings.HasPrefix(row.name, "200 with a list") || strings.HasPrefix(row.name, "gzip bomb")
		if testing.Short() && large {
			continue // TestMatrix has each of them once
		}
		t.Run(row.name, func(t *testing.T) {
			w, list := row.play(t, many)
			sent := 0
			for _, f := range list {
				if code, _, _ := strings.Cut(f.StatusReason, ": "); f.Status != row.status || code != string(row.code) {
					t.Errorf("got %v, %s, want %v, %s", f.Status, f.StatusReason, row.status, row.code)
				}
				sent += w.requests(f)
			}
			down := final(row.status, row.code, "").hostFailed()
			if down && sent > (maxFailures+defaultConcurrency-1)*row.requests {
				t.Errorf("%d requests to a host that is down", sent)
			} else if !down && sent != many*row.requests {
				t.Errorf("%d requests, want %d", sent, many*row.requests)
			}
		})
	}
}
