-- What wrk sends: one event in binary or structured mode, MODE and SIZE (bytes of data) from the environment.
local size, mode = tonumber(os.getenv("SIZE")), os.getenv("MODE")
local data = '"' .. string.rep("x", size - 2) .. '"'
wrk.method = "POST"
if mode == "binary" then
  wrk.headers["ce-specversion"] = "1.0"
  wrk.headers["ce-id"] = "a3f1c9d2-7b64-4c0e-9a51-0d2f6e8b7c13"
  wrk.headers["ce-source"] = "/benchmarks/ingress"
  wrk.headers["ce-type"] = "com.example.benchmark"
  wrk.headers["ce-time"] = "2026-01-31T12:00:00.123456Z"
  wrk.headers["ce-subject"] = "orders/1"
  wrk.headers["content-type"] = "application/json"
  wrk.body = data
else
  wrk.headers["content-type"] = "application/cloudevents+json"
  wrk.body = '{"specversion":"1.0","id":"a3f1c9d2-7b64-4c0e-9a51-0d2f6e8b7c13","source":"/benchmarks/ingress",' ..
    '"type":"com.example.benchmark","time":"2026-01-31T12:00:00.123456Z","subject":"orders/1",' ..
    '"datacontenttype":"application/json","data":' .. data .. '}'
end

-- With BROKERS: events for each of so many Brokers, b0, b1, … in turn.
local brokers = tonumber(os.getenv("BROKERS") or "0")
if brokers > 0 then
  local requests, turn = {}, 0
  function init(args)
    for number = 0, brokers - 1 do
      requests[number] = wrk.format(nil, "/default/b" .. number)
    end
  end
  function request()
    turn = (turn + 1) % brokers
    return requests[turn]
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
