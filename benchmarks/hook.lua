-- What wrk sends: one signed request of SIZE bytes of JSON; SIGNATURE is of its body.
wrk.method = "POST"
wrk.body = '"' .. string.rep("x", tonumber(os.getenv("SIZE")) - 2) .. '"'
wrk.headers["content-type"] = "application/json"
wrk.headers["x-signature"] = os.getenv("SIGNATURE")

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
