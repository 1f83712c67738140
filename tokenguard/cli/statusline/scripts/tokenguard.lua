-- tokenguard in neovim (0.7 or newer): what is spent today in the status line, and an answer for a call that waits.
--
-- It reads a small file that the daemon keeps, when that file changes, and asks nobody. While there is no daemon, nothing
-- is shown. `tokenguard statusline --setup nvim` makes the folder of that file, and says what belongs into init.lua:
--
--   require("tokenguard").setup({ folder = "..." })
--
--   folder      of the file; without it, where tokenguard keeps its state
--   program     that answers calls; "tokenguard" without it
--   statusline  false: 'statusline' is yours, and shows %{%v:lua.require'tokenguard'.status()%} where you put it
--
-- :Tokenguard opens the dashboard, :TokenguardApprove [ID] [AMOUNT] and :TokenguardDeny [ID] answer a call that waits.

local M = {}
local uv = vim.loop

-- Also without a change: a daemon that was killed leaves its file behind.
local LOOK_AGAIN_MS = 30000

local STYLES = {
  TokenguardInfo = "DiagnosticInfo",
  TokenguardWarn = "DiagnosticWarn",
  TokenguardSoft = "DiagnosticWarn",
  TokenguardHard = "DiagnosticError",
  TokenguardWaiting = "DiagnosticWarn",
}

local LINE = "%<%f %h%m%r%=%{%v:lua.require'tokenguard'.status()%} %-14.(%l,%c%V%) %P"

local folder, program
local line, waiting = "", {}
local watcher, timer

local function default_folder()
  local home = vim.env.TOKENGUARD_HOME
  if home == nil or home == "" then
    local mac = vim.fn.has("mac") == 1
    local state = vim.env.XDG_STATE_HOME or (vim.env.HOME .. "/.local/state")
    home = (mac and vim.env.HOME .. "/Library/Application Support" or state) .. "/tokenguard"
  end
  return home .. "/hooks/bars"
end

-- The line, and the ids of the calls that wait; nothing of a daemon that is gone, or of a file that is not understood.
local function read()
  local file = io.open(folder .. "/now", "r")
  if not file then
    return "", {}
  end
  local head, _, _, styled, last = file:read("*l", "*l", "*l", "*l", "*l")
  file:close()
  local pid = head and head:match("^tokenguard 1 (%d+)$")
  if not pid or not last or uv.kill(tonumber(pid), 0) ~= 0 then
    return "", {}
  end
  local words = vim.split(last, " ", { trimempty = true })
  table.remove(words, 1) -- the level
  return styled, words
end

local function look()
  local before = waiting
  local was = line
  line, waiting = read()
  for _, id in ipairs(waiting) do
    if not vim.tbl_contains(before, id) then
      vim.notify("tokenguard: call " .. id .. " waits: :TokenguardApprove or :TokenguardDeny", vim.log.levels.WARN)
    end
  end
  if line ~= was then
    vim.cmd("redrawstatus!")
  end
end

local function answer(words)
  local said = {}
  local function hear(_, lines)
    vim.list_extend(said, lines)
  end
  local started, job = pcall(vim.fn.jobstart, vim.list_extend({ program }, words), {
    stdout_buffered = true,
    stderr_buffered = true,
    on_stdout = hear,
    on_stderr = hear,
    on_exit = function(_, code)
      local text = vim.trim(table.concat(said, "\n"))
      vim.notify(text, code == 0 and vim.log.levels.INFO or vim.log.levels.ERROR)
    end,
  })
  if not started or job <= 0 then
    vim.notify("tokenguard: there is no program " .. program, vim.log.levels.ERROR)
  end
end

local function approve(command)
  local words = { "approve" }
  for _, word in ipairs(command.fargs) do
    if word:match("^%a+$") then
      table.insert(words, word)
    else
      vim.list_extend(words, { "--amount", word })
    end
  end
  answer(words)
end

local function deny(command)
  answer(vim.list_extend({ "deny" }, command.fargs))
end

local function dashboard()
  vim.cmd("botright split | terminal " .. vim.fn.fnameescape(program) .. " tui")
  vim.cmd("startinsert")
end

-- What belongs into 'statusline'.
function M.status()
  return line
end

-- The ids of the calls that wait.
function M.waiting()
  return waiting
end

function M.setup(options)
  options = options or {}
  folder = options.folder or default_folder()
  program = options.program or "tokenguard"
  for name, like in pairs(STYLES) do
    vim.api.nvim_set_hl(0, name, { link = like, default = true })
  end
  vim.api.nvim_create_user_command("Tokenguard", dashboard, {})
  vim.api.nvim_create_user_command("TokenguardApprove", approve, { nargs = "*" })
  vim.api.nvim_create_user_command("TokenguardDeny", deny, { nargs = "*" })
  if options.statusline ~= false and vim.o.statusline == "" then
    vim.o.statusline = LINE
  end
  M.stop()
  watcher, timer = uv.new_fs_event(), uv.new_timer()
  watcher:start(folder, {}, vim.schedule_wrap(look))
  timer:start(LOOK_AGAIN_MS, LOOK_AGAIN_MS, vim.schedule_wrap(look))
  look()
end

-- Look no more.
function M.stop()
  for _, handle in pairs({ watcher, timer }) do
    if not handle:is_closing() then
      handle:close()
    end
  end
  watcher, timer = nil, nil
end

return M
