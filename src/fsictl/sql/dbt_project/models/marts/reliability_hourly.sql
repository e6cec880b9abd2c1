{{ by_run_date() }}

select
    {{ run_date() }} as run_date,
    extract(hour from moment) as hour,
    symbol,
    model_version,
    horizon,
    {{ outcomes() }}
from {{ ref('signal_outcomes') }}
group by extract(hour from moment), symbol, model_version, horizon
