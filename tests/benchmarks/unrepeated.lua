-- Every request has another sentence; START sets where counting begins, so that rounds do not repeat each other.
-- FIELDS is put after the sentence, as ,"d_k":7; with SEEDS every request has another seed, too.
local n = tonumber(os.getenv("START") or "0")
local opening = os.getenv("OPENING") or "Transformers are powerful models for natural language processing"
local fields = os.getenv("FIELDS") or ""
local seeds = os.getenv("SEEDS") == "1"
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
request = function()
  n = n + 1
  local sentence = opening .. " " .. n .. "."
  local seed = seeds and ',"seed":' .. n or ""
  return wrk.format(nil, nil, nil, '{"sentence":"' .. sentence .. '"' .. seed .. fields .. '}')
end
