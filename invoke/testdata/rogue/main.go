// Command rogue speaks the Runtime API by hand and breaks its rules, in the way that MODE says.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

var base = "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"

func post(route string, body []byte) int {
	resp, err := http.Post(base+route, "application/json", bytes.NewReader(body))
	if err != nil {
		fmt.Println("post:", err)
		return 0
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode
}

func next() string {
	resp, err := http.Get(base + "invocation/next")
	if err != nil {
		fmt.Println("next:", err)
		os.Exit(9)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		fmt.Println("next:", resp.StatusCode)
		os.Exit(8)
	}
	return resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
}

// broken sends a part of an answer on a connection of its own, and breaks it.
func broken(id string) {
	conn, err := net.Dial("tcp", os.Getenv("AWS_LAMBDA_RUNTIME_API"))
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(conn, "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"half\":", id)
	conn.Close()
}

// streamed answers in chunks and tells of an error in the trailer.
func streamed(id string) {
	conn, err := net.Dial("tcp", os.Getenv("AWS_LAMBDA_RUNTIME_API"))
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(conn, "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"+
		"Trailer: Lambda-Runtime-Function-Error-Type\r\n\r\n3\r\n{\"a\r\n0\r\nLambda-Runtime-Function-Error-Type: Streamed\r\n\r\n", id)
	io.ReadAll(io.LimitReader(conn, 12))
	conn.Close()
}

func main() {
	mode := os.Getenv("MODE")
	switch mode {
	case "never asks":
		select {}
	case "exits at once":
		fmt.Println("no configuration found")
		os.Exit(4)
	case "floods at start":
		for {
			os.Stdout.WriteString(strings.Repeat("flood ", 1000) + "\n")
		}
	case "init error":
		post("init/error", []byte(`{"errorType":"Runtime.BadLuck","errorMessage":"seven years"}`))
		os.Exit(1)
	}
	for {
		id := next()
		switch mode {
		case "answers twice":
			fmt.Println(post("invocation/"+id+"/response", []byte(`"first"`)), post("invocation/"+id+"/response", []byte(`"second"`)))
		case "answers another":
			fmt.Println(post("invocation/11111111-2222-3333-4444-555555555555/response", []byte(`"foreign"`)),
				post("invocation/"+id+"/response", []byte(`"own"`)))
		case "answers nothing":
			post("invocation/"+id+"/response", nil)
		case "answers no JSON":
			post("invocation/"+id+"/response", []byte("{not json"))
		case "asks again":
			next()
		case "breaks off":
			broken(id)
		case "streams an error":
			streamed(id)
		case "unknown routes":
			fmt.Println(post("invocation/"+id+"/nothing", nil), post("restore/next", nil))
			post("invocation/"+id+"/response", []byte(`"ok"`))
		case "strange error":
			post("invocation/"+id+"/error", []byte(`{"errorMessage":{"deep":[1]},"errorType":7}`))
		case "error without words":
			post("invocation/"+id+"/error", []byte("\xff\x00 no json"))
		case "lingers":
			post("invocation/"+id+"/response", []byte(`"lingering"`))
			time.Sleep(time.Hour)
		case "long lines":
			os.Stdout.WriteString(strings.Repeat("é", 50000) + "\n\n\r\nshort\r\nwithout end")
			post("invocation/"+id+"/response", []byte(`"long"`))
		case "floods":
			for n := range 200000 {
				fmt.Println("flood", n)
			}
			post("invocation/"+id+"/response", []byte(`"flooded"`))
		}
	}
}
