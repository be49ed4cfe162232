// Package polly speaks with Amazon Polly. It reads the settings that all AWS programs read (credentials, region, proxies,
// AWS_ENDPOINT_URL_POLLY …), asks for 8 kHz linear samples, and passes texts, voices and languages on as they are: what
// exists is Polly's affair. No other package imports the client.
package polly
