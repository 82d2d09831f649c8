-- SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
-- work.lua [REPEATS]: something of everything, and the results.
local repeats = tonumber(arg[1] or "1")
local seed = 1
local function random(n)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return seed % n
end

local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end

local function sorted(n)
  local t = {}
  for i = 1, n do t[i] = { key = random(100000), name = "item " .. i } end
  table.sort(t, function(a, b) return a.key < b.key or (a.key == b.key and a.name < b.name) end)
  return t
end

local function words(n)
  local t = {}
  for i = 1, n do t[#t + 1] = ("w%dx"):format(random(500)) end
  return table.concat(t, " ")
end

local function numbers(n)
  return coroutine.wrap(function()
    for i = 1, n do coroutine.yield(i, i * i % 1009) end
  end)
end

local function errors(n)
  local caught = 0
  for i = 1, n do
    local ok, message = pcall(function()
      if i % 3 == 0 then error({ code = i }) end
      if i % 3 == 1 then return nil + i end
      local s = string.rep("x", i % 50)
      return #s
    end)
    if not ok then caught = caught + (type(message) == "table" and message.code or #message) end
  end
  return caught
end

for round = 1, repeats do
  print("round", round, fib(20))
  local t = sorted(4000)
  print(t[1].name, t[2000].key, t[4000].name)
  local text = words(6000)
  local counts, order = {}, {}
  for w in text:gmatch("%a%d+") do
    if not counts[w] then order[#order + 1] = w end
    counts[w] = (counts[w] or 0) + 1
  end
  table.sort(order)
  for i = 1, #order do io.write(order[i], "=", counts[order[i]], i % 10 == 0 and "\n" or " ") end
  print(#text, (text:gsub("w(%d+)x", "<%1>")):sub(1, 200))
  local sum = 0
  for i, square in numbers(20000) do sum = (sum * 31 + i + square) % 1000000007 end
  print("coroutines", sum)
  print("errors", errors(9000))
  for i = 1, 5000 do io.write(random(1000), " ", i % 20 == 0 and "\n" or "") end
  print(string.format("%.10f", math.sin(round) * math.sqrt(round)))
end
