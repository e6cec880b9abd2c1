{{ by_run_date() }}

with clients as (
    select
        client_id,
        purchases,
        refunds,
        monetary,
        first_day,
        last_day,
        {{ days_between('last_day', run_date()) }} as days_since_last,
        purchase_days - 1 as frequency,
        {{ days_between('first_day', 'last_day') }} as recency,
        {{ days_between('first_day', run_date()) }} as T
    from {{ ref('client_purchases') }}
),

scored as (
    select
        clients.*,
        {{ quintile('-days_since_last') }} as r_score,
        {{ quintile('purchases') }} as f_score,
        {{ quintile('monetary') }} as m_score
    from clients
)

select
    {{ run_date() }} as run_date,
    client_id,
    days_since_last,
    purchases,
    monetary,
    refunds,
    r_score,
    f_score,
    m_score,
    {{ segment('r_score', whole('f_score + m_score + 1', '2')) }} as segment,
    first_day,
    last_day,
    frequency,
    recency,
    T
from scored
