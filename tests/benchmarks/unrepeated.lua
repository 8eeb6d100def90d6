-- Every request has another sentence; START sets where counting begins, so that rounds do not repeat each other.
-- FIELDS is put after the sentence, as ,"seed":7
local n = tonumber(os.getenv("START") or "0")
local fields = os.getenv("FIELDS") or ""
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
request = function()
  n = n + 1
  local sentence = "Transformers are powerful models for natural language processing " .. n .. "."
  return wrk.format(nil, nil, nil, '{"sentence":"' .. sentence .. '"' .. fields .. '}')
end
done = function(summary)
  local e = summary.errors
  io.write(string.format("ERRORS %d\n", e.connect + e.read + e.write + e.status + e.timeout))
end
